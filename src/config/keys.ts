import { z } from 'zod'
import type { DocumentPath } from './document.ts'

/** The keys a schema knows at a path: what its objects, records, unions and wrappers hold there. */
export function keysAt(schema: z.ZodType, path: DocumentPath): readonly string[] {
  const below = path.reduce<readonly z.ZodType[]>(
    (schemas, part) => schemas.flatMap((one) => step(one, part)),
    [schema],
  )
  return [...new Set(below.flatMap(objects).flatMap((object) => Object.keys(object.shape)))]
}

function step(schema: z.ZodType, part: string | number): z.ZodType[] {
  return unwrap(schema).flatMap((one): z.ZodType[] => {
    if (one instanceof z.ZodObject) return String(part) in one.shape ? [one.shape[String(part)] as z.ZodType] : []
    if (one instanceof z.ZodRecord) return [one.valueType as z.ZodType]
    if (one instanceof z.ZodArray) return [one.element as z.ZodType]
    return []
  })
}

function objects(schema: z.ZodType): z.ZodObject[] {
  return unwrap(schema).filter((one) => one instanceof z.ZodObject)
}

/** The schemas inside optionals, defaults, pipes and unions. */
function unwrap(schema: z.ZodType): z.ZodType[] {
  if (schema instanceof z.ZodUnion) return (schema.options as z.ZodType[]).flatMap(unwrap)
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return unwrap(schema.unwrap() as z.ZodType)
  }
  if (schema instanceof z.ZodPrefault) return unwrap(schema.unwrap() as z.ZodType)
  if (schema instanceof z.ZodPipe) return unwrap(schema.in as z.ZodType)
  return [schema]
}
