import { z } from 'zod'
import { durationField } from '../../component/fields.ts'
import type { SourceSpec } from '../../component/source.ts'
import { assetPatternField } from './asset-pattern.ts'
import { createHttpSource, PREFIX } from './source.ts'
import type { HttpSourceConfig } from './source.ts'

const config = z.strictObject({
  assets: assetPatternField.prefault('**'),
  events: z.boolean().default(true).describe('Take business events of these assets at /api/v1/events as well'),
  timestamp: z
    .string()
    .min(1)
    .optional()
    .describe('Field of an object of tags that holds the source time: a number (s, ms, us or ns) or ISO 8601'),
  limits: z
    .strictObject({
      body: z.number().int().min(1).max(1_048_576).default(1_048_576).describe('Bytes of one request'),
      records: z.number().int().min(1).max(1_000_000).default(10_000).describe('Records, or lines, of one request'),
    })
    .prefault({}),
  idempotency: z
    .strictObject({
      keys: z.number().int().min(1_000).max(1_000_000).default(10_000).describe('Idempotency keys remembered'),
      window: durationField.prefault('10m').describe('How long a key is remembered; a restart forgets it'),
    })
    .prefault({}),
  silence: durationField.prefault('60s').describe('Without a request for this long the source is stale'),
}) satisfies z.ZodType<HttpSourceConfig>

/** `POST /api/v1/ingest/{path}` and `POST /api/v1/events`: machines and programs that send over HTTP. */
export const httpSpec: SourceSpec<HttpSourceConfig> = {
  kind: 'http',
  summary: 'Takes records and events that machines and programs post, as JSON or NDJSON',
  config,
  example: `sources:
  test-stations:
    http:
      assets: test/**
      timestamp: measuredAt
`,
  reach: () => 'listens',
  describe: () => PREFIX,
  create: createHttpSource,
}
