import { z } from 'zod'
import type { Kinds } from '../component/kinds.ts'
import { plantSchema } from './schema.ts'

/** The reference page of the config file, made from the same schemas that check it. */
export function renderReference({ sources, processors, sinks }: Kinds): string {
  const specs = [
    ...sources.map((spec) => ({ ...spec, title: `Source \`${spec.kind}\`` })),
    ...processors.map((spec) => ({ ...spec, title: `Processor \`${spec.kind}\`` })),
    ...sinks.map((spec) => ({ ...spec, title: `Sink \`${spec.kind}\`` })),
  ]
  const sections = specs.map((spec) => [
    `## ${spec.title}`,
    spec.summary,
    `\`\`\`yaml\n${spec.example.trim()}\n\`\`\``,
    ...tables(jsonSchema(spec.config)),
  ])
  return [
    '# The config file',
    '<!-- Made by "npm run docs" from the schemas in src/. Do not edit. -->',
    'One YAML file. `millrace lint FILE` checks it and names line, column, what was wanted and what was meant; ' +
      '`millrace lint --schema` prints a JSON Schema for editors. Secrets are references: `secret:NAME` is the ' +
      'environment variable `MILLRACE_SECRET_NAME` or the file `secrets/NAME` beside the config, `env:NAME` is an ' +
      "environment variable, `file:PATH` is a file's text, and `bytes:PATH` its bytes.",
    '## The file',
    ...tables(jsonSchema(plantSchema)),
    ...sections.flat(),
  ]
    .join('\n\n')
    .concat('\n')
}

interface JsonSchema {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly properties?: { readonly [name: string]: JsonSchema }
  readonly required?: readonly string[]
  readonly additionalProperties?: JsonSchema | boolean
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
}

function jsonSchema(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema
}

/** One table for each form a schema can take: alternatives that are objects get one each. */
function tables(schema: JsonSchema): string[] {
  const forms = (schema.anyOf ?? [schema]).filter((form) => form.properties)
  return forms.map((form) =>
    ['| field | type | default | meaning |', '|---|---|---|---|', ...rows(form, '')].join('\n'),
  )
}

function rows(schema: JsonSchema, prefix: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}`
    const needed = schema.required?.includes(name) ? '**required**' : shownDefault(field)
    return [
      `| \`${path}\` | ${typeName(field)} | ${needed} | ${cell(field.description ?? '')} |`,
      ...nested(field, path),
    ]
  })
}

/** The fields below a field: of an object, of a map's values, of a list's items, of an alternative that is an object. */
function nested(field: JsonSchema, path: string): string[] {
  if (field.properties) return rows(field, `${path}.`)
  if (typeof field.additionalProperties === 'object') return below(field.additionalProperties, `${path}.<name>`)
  if (field.items) return below(field.items, `${path}[]`)
  return (field.anyOf ?? []).flatMap((form) => nested(form, path))
}

function below(schema: JsonSchema, path: string): string[] {
  if (schema.properties) return rows(schema, `${path}.`)
  return (schema.anyOf ?? []).flatMap((form) => below(form, path))
}

function typeName(field: JsonSchema): string {
  if (field.const !== undefined) return `\`${JSON.stringify(field.const)}\``
  if (field.enum) return field.enum.map((value) => `\`${JSON.stringify(value)}\``).join(', ')
  if (field.anyOf) return [...new Set(field.anyOf.map(typeName))].join(' or ')
  if (field.type === 'array') return field.items ? `list of ${typeName(field.items)}` : 'list'
  if (field.type === 'object') return field.additionalProperties && !field.properties ? 'map' : 'object'
  return field.type ?? 'string'
}

function shownDefault(field: JsonSchema): string {
  return field.default === undefined ? '' : `\`${JSON.stringify(field.default)}\``
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
