import { z } from 'zod'
import { addressField, durationField } from '../component/fields.ts'
import { parseAddress, type Address } from '../system/net.ts'
import {
  checkKafkaSecurity,
  checkListenerSecurity,
  kafkaSecurityFields,
  listenerSecurityFields,
  readKafkaSecurity,
  readListenerSecurity,
} from './log-security.ts'
import type { KafkaLogConfig, LogConfig } from './plant.ts'

/** `log:` of the config file, as its writer sees it. */

const KAFKA_PORT = 9092

const retentionSchema = z
  .strictObject({
    time: durationField.optional().describe('How long telemetry is kept; default 7d'),
    size: z.number().int().min(1).optional().describe('Bytes a partition keeps at most'),
  })
  .prefault({})

const embeddedSchema = z
  .strictObject({
    listen: addressField
      .prefault(9092)
      .describe('Where Kafka clients reach the log; beyond loopback with "tls" and "users" only'),
    partitions: z.number().int().min(1).max(64).default(4).describe('Partitions of each new topic'),
    retention: retentionSchema,
    sync: z
      .union([
        z.literal('ack').transform(() => ({ mode: 'ack' as const })),
        z
          .strictObject({ every: durationField })
          .transform(({ every }) => ({ mode: 'interval' as const, intervalMs: every })),
      ])
      .prefault('ack')
      .describe('"ack": fsync before every acknowledgement. { every: 100ms }: a power cut may lose that much'),
    ...listenerSecurityFields,
  })
  .superRefine(checkListenerSecurity)

/** Where a broker is: `host:port`, or a host with Kafka's port. */
const brokerField = z
  .string()
  .transform((given, context): Address => {
    const address = given.includes(':') ? parseAddress(given) : parseAddress(`${given}:${KAFKA_PORT}`)
    if (address && address.port > 0) return address
    const message = `Cannot read broker ${JSON.stringify(given)}: want "host:port", or a host`
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  })
  .describe('"host:port"; the rest of the cluster is learned from whoever answers')

/** A Kafka, and how topics are made in it. */
export const kafkaSchema = z
  .strictObject({
    brokers: z.array(brokerField).min(1).describe('Where to ask first: "kafka1:9092"; two or three of a cluster'),
    partitions: z.number().int().min(1).max(1024).default(12).describe('Partitions of each new topic'),
    replication: z.number().int().min(1).max(9).optional().describe("Copies of each new topic; default: the cluster's"),
    minInSync: z
      .number()
      .int()
      .min(1)
      .max(9)
      .optional()
      .describe("Copies that must have a record before it is acknowledged; default: the cluster's"),
    retention: retentionSchema,
    compression: z.enum(['zstd', 'none']).default('zstd').describe('How batches are compressed'),
    rack: z
      .string()
      .min(1)
      .optional()
      .describe('Rack or zone of this hub: it reads from the copy there, where the brokers allow it (KIP-392)'),
    ...kafkaSecurityFields,
  })
  .superRefine(checkKafkaSecurity)
  .superRefine(({ replication, minInSync }, context) => {
    if (replication === undefined || minInSync === undefined || minInSync <= replication) return
    const message = `Cannot wait for ${minInSync} copies: there are ${replication}, want minInSync up to replication`
    context.addIssue({ code: 'custom', path: ['minInSync'], message })
  })

/** Where the log is. */
export const logSchema = z
  .union([
    z.literal('embedded').transform(() => ({ embedded: embeddedSchema.parse({}) })),
    z.strictObject({ embedded: embeddedSchema }),
    z.strictObject({ kafka: kafkaSchema }),
  ])
  .prefault('embedded')
  .describe('Where the log is: "embedded" (on this disk), or { kafka: { brokers: [...] } }')

/** A checked `log:` as the plant has it. */
export function readLog(log: z.output<typeof logSchema>): LogConfig {
  if ('kafka' in log) return readKafka(log.kafka)
  const { listen, partitions, retention, sync } = log.embedded
  const security = readListenerSecurity(log.embedded)
  return { kind: 'embedded', listen, partitions, sync, retention: readRetention(retention), security }
}

/** A checked `kafka:`. */
export function readKafka(kafka: z.output<typeof kafkaSchema>): KafkaLogConfig {
  const { retention, replication, minInSync, rack, tls, sasl, ...rest } = kafka
  const security = readKafkaSecurity({ tls, sasl })
  return {
    kind: 'kafka',
    ...rest,
    retention: readRetention(retention),
    ...(replication !== undefined && { replication }),
    ...(minInSync !== undefined && { minInSync }),
    ...(rack !== undefined && { rack }),
    ...(security && { security }),
  }
}

function readRetention({ time, size }: z.output<typeof retentionSchema>): LogConfig['retention'] {
  return { ...(time !== undefined && { ms: time }), ...(size !== undefined && { bytes: size }) }
}
