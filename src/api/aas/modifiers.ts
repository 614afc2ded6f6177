import type { JsonValue } from '../contract.ts'
import { childrenMember, childrenOf } from './id-short-path.ts'
import { isObject, objectsOf, textOf, without, type JsonObject } from './json.ts'

/** How much of what is inside is told: all of it, or only what lies directly in it, without what those hold. */
export type Level = 'deep' | 'core'

/** Whether blobs come along. */
export type Extent = 'withBlobValue' | 'withoutBlobValue'

export interface Modifiers {
  readonly level: Level
  readonly extent: Extent
}

/** A submodel or an element as it is (IDTA-01002-3-0, content `normal`), as deep and with as much as is wanted. */
export function normal(element: JsonObject, { level, extent }: Modifiers): JsonObject {
  const told = extent === 'withBlobValue' ? element : withoutBlobs(element)
  return level === 'deep' ? told : inner(told, hollow)
}

/** Everything but values (content `metadata`). Undefined: this type has no such form. */
export function metadata(element: JsonObject): JsonObject | undefined {
  const values = VALUES[textOf(element, 'modelType') ?? '']
  return values === undefined ? undefined : without(element, ...values)
}

/** Values alone (IDTA-01001-3-0, value-only serialization). Undefined: this type has no value, or this element none. */
export function valueOnly(element: JsonObject, { level, extent }: Modifiers): JsonValue | undefined {
  return deepValue(level === 'deep' ? element : inner(element, hollow), extent)
}

/** Members that hold the value, by type; types that are not here have no form without it. */
const VALUES: { readonly [modelType: string]: readonly string[] } = {
  Submodel: ['submodelElements'],
  Property: ['value', 'valueId'],
  MultiLanguageProperty: ['value', 'valueId'],
  Range: ['min', 'max'],
  Blob: ['value'],
  File: ['value'],
  ReferenceElement: ['value'],
  RelationshipElement: ['first', 'second'],
  AnnotatedRelationshipElement: ['first', 'second', 'annotations'],
  Entity: ['statements', 'globalAssetId', 'specificAssetIds'],
  BasicEventElement: ['observed'],
  SubmodelElementCollection: ['value'],
  SubmodelElementList: ['value'],
}

function deepValue(element: JsonObject, extent: Extent): JsonValue | undefined {
  switch (element['modelType']) {
    case 'Submodel':
    case 'SubmodelElementCollection':
      return named(childrenOf(element), extent)
    case 'SubmodelElementList':
      return childrenOf(element).map((child) => deepValue(child, extent) ?? null)
    case 'Property':
      return typed(element['value'], textOf(element, 'valueType'))
    case 'MultiLanguageProperty':
      return objectsOf(element['value']).map((one) => ({ [textOf(one, 'language') ?? '']: one['text'] ?? '' }))
    case 'Range': {
      const [min, max] = [element['min'], element['max']].map((one) => typed(one, textOf(element, 'valueType')))
      return { ...(min !== undefined && { min }), ...(max !== undefined && { max }) }
    }
    case 'Blob':
      return members(element, extent === 'withBlobValue' ? ['contentType', 'value'] : ['contentType'])
    case 'File':
      return members(element, ['contentType', 'value'])
    case 'ReferenceElement':
      return isObject(element['value']) ? reference(element['value']) : undefined
    case 'RelationshipElement':
      return relation(element)
    case 'AnnotatedRelationshipElement':
      return { ...relation(element), annotations: childrenOf(element).map((child) => named([child], extent)) }
    case 'Entity':
      return { statements: named(childrenOf(element), extent), ...members(element, ENTITY) }
    case 'BasicEventElement':
      return isObject(element['observed']) ? { observed: reference(element['observed']) } : undefined
    default:
      return undefined
  }
}

const ENTITY = ['entityType', 'globalAssetId', 'specificAssetIds']

function named(children: readonly JsonObject[], extent: Extent): JsonObject {
  const values = children.map((child) => [textOf(child, 'idShort') ?? '', deepValue(child, extent)] as const)
  return Object.fromEntries(values.filter((pair): pair is readonly [string, JsonValue] => pair[1] !== undefined))
}

/** Numbers that JSON holds exactly are numbers, booleans are booleans, all else is the text that it is. */
function typed(value: JsonValue | undefined, type: string | undefined): JsonValue | undefined {
  if (typeof value !== 'string') return undefined
  if (type === 'xs:boolean') return value === 'true' || value === '1'
  if (!NUMBERS.has(type ?? '')) return value
  const number = Number(value)
  const isExact = !INTEGERS.test(value) || Number.isSafeInteger(number)
  return value.trim() !== '' && Number.isFinite(number) && isExact ? number : value
}

const INTEGERS = /^[+-]?\d+$/

const NUMBERS = new Set(
  [
    'decimal|integer|double|float|byte|short|int|long|unsignedByte|unsignedShort|unsignedInt|unsignedLong',
    'positiveInteger|nonNegativeInteger|nonPositiveInteger|negativeInteger',
  ].flatMap((names) => names.split('|').map((name) => `xs:${name}`)),
)

function relation(element: JsonObject): JsonObject {
  const ends = ['first', 'second'].map((end) => [end, element[end]] as const)
  return Object.fromEntries(ends.flatMap(([end, one]) => (isObject(one) ? [[end, reference(one)]] : [])))
}

function reference(value: JsonObject): JsonObject {
  return members(value, ['type', 'keys'])
}

function members(element: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(names.flatMap((name) => (element[name] === undefined ? [] : [[name, element[name]]])))
}

/** Without what it holds inside. */
function hollow(element: JsonObject): JsonObject {
  const member = childrenMember(element)
  return member === undefined ? element : without(element, member)
}

function withoutBlobs(element: JsonObject): JsonObject {
  if (element['modelType'] === 'Blob') return without(element, 'value')
  return inner(element, withoutBlobs)
}

/** The same element with what is inside changed. */
function inner(element: JsonObject, change: (child: JsonObject) => JsonObject): JsonObject {
  const member = childrenMember(element)
  if (member === undefined || element[member] === undefined) return element
  return { ...element, [member]: childrenOf(element).map((child) => change(child)) }
}
