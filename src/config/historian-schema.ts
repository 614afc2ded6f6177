import { z } from 'zod'
import { durationField, secretField } from '../component/fields.ts'
import type { HistorianConfig, UploadConfig } from './plant.ts'

/** `historian:` of the config file, as its writer sees it. */

const uploadSchema = z
  .strictObject({
    endpoint: z
      .url({ protocol: /^https?$/, error: 'Cannot use this address: want http://... or https://...' })
      .transform((url) => url.replace(/\/+$/, ''))
      .describe('Address of the storage, without the bucket: https://s3.eu-central-1.amazonaws.com'),
    bucket: z
      .string()
      .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'want the name of a bucket')
      .describe('It must be there'),
    prefix: z
      .string()
      .transform((prefix) => prefix.replaceAll(/^\/+|\/+$/g, ''))
      .default('')
      .describe('Before the names of all objects'),
    region: z.string().min(1).default('us-east-1'),
    accessKey: secretField,
    secretKey: secretField,
    every: durationField.prefault('1m').describe('How often the bucket is made what the lake is'),
  })
  .describe('Keeps a bucket of S3-compatible storage as the lake is')

const settingsSchema = z.strictObject({
  retention: durationField.prefault('400d').describe('How long samples are kept, by the day of their source time'),
  rollupRetention: durationField
    .prefault('3650d')
    .describe('How long their roll-ups of a minute are kept: count, min, max, first, last, sum, time-weighted'),
  sealEvery: durationField
    .prefault('10m')
    .describe('Age at which samples in memory become files; a crash reads that much of the log again'),
  sealRows: z
    .number()
    .int()
    .min(1_000)
    .max(20_000_000)
    .default(250_000)
    .describe('Samples in memory that become files before that; each takes about 75 bytes'),
  fileRows: z
    .number()
    .int()
    .min(1_000)
    .max(100_000_000)
    .default(4_000_000)
    .describe('Samples of a day that small files are merged up to'),
  memory: z
    .number()
    .int()
    .min(32)
    .max(65_536)
    .default(96)
    .describe('Megabytes that queries and the making of files may use together, beside what the samples take'),
  threads: z.number().int().min(1).max(64).default(1).describe('Threads for queries and the making of files'),
  upload: uploadSchema.optional(),
})

export const historianSchema = z
  .union([z.literal('off'), settingsSchema])
  .prefault({})
  .describe('Every sample kept in Parquet files, in the folder lake; "off": history ends with the log')

export function readHistorian(file: z.output<typeof historianSchema>): HistorianConfig | undefined {
  if (file === 'off') return undefined
  return {
    retentionMs: file.retention,
    rollupRetentionMs: file.rollupRetention,
    sealEveryMs: file.sealEvery,
    sealRows: file.sealRows,
    fileRows: file.fileRows,
    memoryMegabytes: file.memory,
    threads: file.threads,
    ...(file.upload && { upload: uploadOf(file.upload) }),
  }
}

function uploadOf({ every, ...upload }: z.output<typeof uploadSchema>): UploadConfig {
  return { ...upload, everyMs: every }
}
