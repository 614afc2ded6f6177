import { join } from 'node:path'
import type { HistorianView } from './api/contract.ts'
import type { ViewPosition } from './component/view.ts'
import type { Plant } from './config/plant.ts'
import { ViewRun } from './flow/views.ts'
import { Historian } from './historian/historian.ts'
import type { HistoryReader } from './historian/history-reader.ts'
import { HistorySql } from './historian/history-sql.ts'
import { LakeReader } from './historian/reader.ts'
import { LakeUpload, type LakeUploadOptions } from './historian/upload/lake-upload.ts'
import type { Log, StoredRecord } from './log/log.ts'
import type { Catalogue } from './model/catalogue.ts'
import { topicName } from './model/path.ts'
import type { System } from './system/system.ts'

export interface RecordingOptions {
  readonly plant: Plant
  /** The files are in its folder `lake`. */
  readonly dataDirectory: string
  readonly log: Log
  readonly catalogue: Catalogue
  readonly system: System
}

/** The history of a running hub. */
export interface Recording {
  readonly history: HistoryReader
  readonly sql: HistorySql
  view(): HistorianView
  /** Where the view goes on, for the page of the log. */
  reader(): { readonly name: string; readonly positions: readonly ViewPosition[] }
}

/** Between attempts to open the files: a disk that is full, or not mounted yet. */
const REOPEN_MS = 5_000

/**
 * Keeps every sample of the log until the stack ends; undefined where the config has it off. Hubs that share a log keep all
 * of it each: a lake is whole wherever it is, and needs no other hub to be read.
 */
export function runHistorian(options: RecordingOptions, stack: AsyncDisposableStack): Recording | undefined {
  const { plant, dataDirectory, log, catalogue, system } = options
  const { site, historian: config } = plant
  if (config === undefined) return undefined
  const spillDirectory = join(dataDirectory, 'historian')
  const historian = new Historian({
    ...config,
    site,
    log,
    lakeDirectory: join(dataDirectory, 'lake'),
    spillDirectory,
    system,
  })
  const topics = [topicName(site, 'telemetry'), topicName(site, 'derived')]
  const run = new ViewRun<StoredRecord>(historian, { log, topics, decoder: AS_THEY_ARE, system })
  const stop = new AbortController()
  const running = keep(historian, run, system, stop.signal)
  stack.defer(async () => {
    stop.abort()
    await historian.close()
    await running
  })
  gauges(historian, system)
  if (config.upload) runUpload({ ...config.upload, historian, system }, stack)
  return {
    history: new LakeReader(historian, catalogue),
    sql: new HistorySql({ historian, catalogue, spillDirectory, system }),
    view: () => viewOf(historian),
    reader: () => ({ name: historian.name, positions: historian.positions() }),
  }
}

function runUpload(options: LakeUploadOptions & { readonly system: System }, stack: AsyncDisposableStack): void {
  const upload = new LakeUpload(options)
  const stop = new AbortController()
  const running = upload.run(stop.signal)
  stack.defer(async () => {
    stop.abort()
    await running
  })
  const gauge = (name: string, help: string, read: () => number) =>
    options.system.metrics.gauge(`millrace_lake_upload_${name}`, help, read)
  gauge('up', 'Whether the bucket takes the files of the lake: 1, or 0', () =>
    upload.status().health.state === 'live' ? 1 : 0,
  )
  gauge('behind_files', 'Files of the lake that are not in the bucket yet', () => upload.status().behind)
  gauge('sent_files', 'Files sent since the start', () => upload.status().files)
  gauge('sent_bytes', 'Bytes sent since the start', () => upload.status().bytes)
}

/** Records cross to the historian's thread undecoded. */
const AS_THEY_ARE = {
  decode: (_topic: string, _partition: number, records: readonly StoredRecord[]): StoredRecord[] => [...records],
}

async function keep(
  historian: Historian,
  run: ViewRun<StoredRecord>,
  { clock, logger }: System,
  signal: AbortSignal,
): Promise<void> {
  let isOpen = false
  while (!signal.aborted) {
    try {
      if (isOpen) await historian.recover()
      else await historian.open()
      isOpen = true
      await run.run(AbortSignal.any([signal, historian.life]))
    } catch (error) {
      logger.error('Cannot open the lake; it is tried again', { error })
    }
    await clock.sleep(REOPEN_MS, signal).catch(() => {})
  }
}

function gauges(historian: Historian, { metrics }: System): void {
  const gauge = (name: string, help: string, read: () => number) =>
    metrics.gauge(`millrace_historian_${name}`, help, read)
  gauge('up', 'Whether samples are being kept: 1, or 0', () => (historian.status().health.state === 'live' ? 1 : 0))
  gauge('stored_samples', 'Samples in the files and in memory', () => historian.status().samples)
  gauge('memory_samples', 'Samples that are in no file yet', () => historian.status().inMemory)
  gauge('files', 'Files of samples and of their roll-ups', () => historian.status().files)
  gauge('stored_bytes', 'Bytes of these files', () => historian.status().bytes)
  const missed = 'Records that retention of the log removed before they were kept'
  gauge('missed_records', missed, () => historian.status().missed)
}

function viewOf(historian: Historian): HistorianView {
  const { health, ...counts } = historian.status()
  const { state, reason, since } = health
  return { state: state === 'starting' || state === 'live' ? state : 'down', reason, since, ...counts }
}
