import type { ProcessorContext } from '../../component/processor.ts'
import type { Json } from '../../model/json-value.ts'
import { topicName } from '../../model/path.ts'
import type { ShareConfig, SharedField } from './config.ts'

const DAY_MS = 86_400_000

/**
 * What a partner may rely on, after the Open Data Contract Standard 3.0 (Bitol): schema, purpose, retention and readers; and
 * the JSON Schema of a record. Nothing in it tells what the product is made from.
 */
export function contractOf(config: ShareConfig, { name, site }: ProcessorContext): Json {
  const topic = topicName(site, `product-${name}`)
  const { anonymity, rotate, partners, purpose, version, keep, time } = config
  return {
    apiVersion: 'v3.0.2',
    kind: 'DataContract',
    id: topic,
    name,
    version,
    status: 'active',
    description: { purpose, limitations: 'Subjects are pseudonyms; nobody may try to find out who they are' },
    servers: [{ server: site, type: 'kafka', format: 'json', topic }],
    schema: [
      { name, logicalType: 'object', physicalName: topic, physicalType: 'topic', properties: propertiesOf(config) },
    ],
    slaProperties: [{ property: 'retention', value: keep / DAY_MS, unit: 'd' }],
    roles: partners.map((partner) => ({ role: partner, access: 'read' })),
    customProperties: [
      { property: 'jsonSchema', value: jsonSchemaOf(config) },
      { property: 'timeStepMs', value: time },
      { property: 'pseudonymsHoldForMs', value: rotate ?? null },
      { property: 'leastSubjects', value: anonymity?.subjects ?? null },
      { property: 'groupWindowMs', value: anonymity?.window ?? null },
    ],
  }
}

function propertiesOf({ fields, place }: ShareConfig): Json[] {
  const text = (name: string, logicalType: string, description: string, required: boolean): Json => {
    return { name, logicalType, physicalType: logicalType, description, required }
  }
  return [
    text('subject', 'string', 'Pseudonym of the machine; the key of the record', true),
    text('ts', 'integer', 'When it was measured, ms since 1970 (UTC)', true),
    ...(place ? [text('cell', 'string', `Where it was: a geohash of ${place.cell} characters`, true)] : []),
    ...fields.map((field) => text(`values.${field.as}`, field.type, describe(field), false)),
  ]
}

function describe({ as, unit, round, description }: SharedField): string {
  const details = [unit && `unit ${unit}`, round && `rounded to ${round}`].filter(Boolean).join(', ')
  return [description ?? as, details].filter(Boolean).join('; ')
}

function jsonSchemaOf({ fields, place }: ShareConfig): Json {
  const values = Object.fromEntries(
    fields.map((field) => [field.as, { type: field.type, description: describe(field) }]),
  )
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: {
      subject: { type: 'string' },
      ts: { type: 'integer' },
      ...(place && { cell: { type: 'string' } }),
      values: { type: 'object', properties: values, additionalProperties: false },
    },
    required: ['subject', 'ts', ...(place ? ['cell'] : []), 'values'],
    additionalProperties: false,
  }
}
