import type { Health } from '../../component/health.ts'
import type { System } from '../../system/system.ts'
import type { Historian } from '../historian.ts'
import { KINDS } from '../lake.ts'
import { Bucket, type BucketConfig } from './bucket.ts'

export interface LakeUploadOptions extends BucketConfig {
  readonly historian: Historian
  /** How often the bucket is made what the lake is, ms. */
  readonly everyMs: number
  readonly system: Pick<System, 'clock' | 'disk' | 'logger' | 'random'>
}

export interface UploadStatus {
  readonly health: Health
  /** Files of the lake that are not in the bucket yet, as of the last look. */
  readonly behind: number
  /** Since the start of the hub. */
  readonly files: number
  readonly bytes: number
}

const RETRY = { firstMs: 2_000, mostMs: 300_000 } as const
/** Objects of ours by their names; others that people put there are left alone. */
const OWN_NAME = /^(telemetry|rollup-1m)\/site=[^/]+\/date=[^/]+\/\d{6,}\.parquet$/

/**
 * Keeps a bucket as the lake is: the same names, new files first, then those away that others have replaced. A file is never
 * changed, so what is there with the right size is there. Whoever reads in between may see a sample twice, never less than
 * before. It goes on for ever, whatever the other side does, and holds one file in memory at a time.
 */
export class LakeUpload {
  readonly #options: LakeUploadOptions
  readonly #bucket: Bucket
  #health: Health
  #behind = 0
  #files = 0
  #bytes = 0

  constructor(options: LakeUploadOptions) {
    this.#options = options
    this.#bucket = new Bucket(options)
    this.#health = { state: 'starting', reason: 'Not looked yet', since: options.system.clock.now() }
  }

  status(): UploadStatus {
    return { health: this.#health, behind: this.#behind, files: this.#files, bytes: this.#bytes }
  }

  async run(signal: AbortSignal): Promise<void> {
    const { everyMs, system } = this.#options
    const { clock, logger, random } = system
    let waitMs: number = RETRY.firstMs
    while (!signal.aborted) {
      try {
        await this.bringUp(signal)
        this.#setHealth('live', 'The bucket is as the lake is')
        waitMs = RETRY.firstMs
        await clock.sleep(everyMs, signal).catch(() => {})
      } catch (error) {
        if (signal.aborted) return
        const reason = error instanceof Error ? error.message : String(error)
        if (this.#health.state !== 'down') logger.error('Cannot upload the lake; it is tried again', { error })
        this.#setHealth('down', reason)
        await clock.sleep(waitMs * (0.5 + random.next() / 2), signal).catch(() => {})
        waitMs = Math.min(2 * waitMs, RETRY.mostMs)
      }
    }
  }

  /** Makes the bucket what the lake is now. @throws Error where the other side, or the disk, does not do it */
  async bringUp(signal: AbortSignal): Promise<void> {
    using lease = await this.#options.historian.lease()
    const { lake } = this.#options.historian
    const wanted = new Map(
      lease.snapshot.files.flatMap((file) =>
        KINDS.flatMap((kind) => {
          const bytes = kind === 'samples' ? file.bytes : file.rollupBytes
          const path = lake.path(kind, file)
          return bytes === undefined ? [] : [[path.slice(lake.directory.length + 1), { path, bytes }] as const]
        }),
      ),
    )
    const there = new Map((await this.#bucket.list(signal)).map(({ key, bytes }) => [key, bytes]))
    const missing = [...wanted].filter(([key, { bytes }]) => there.get(key) !== bytes)
    this.#behind = missing.length
    for (const [key, { path }] of missing) await this.#put(key, path, signal)
    const replaced = [...there.keys()].filter((key) => OWN_NAME.test(key) && !wanted.has(key))
    for (const key of replaced) await this.#bucket.delete(key, signal)
  }

  async #put(key: string, path: string, signal: AbortSignal): Promise<void> {
    const content = await this.#options.system.disk.readFile(path)
    await this.#bucket.put(key, content, signal)
    this.#behind -= 1
    this.#files += 1
    this.#bytes += content.length
  }

  #setHealth(state: Health['state'], reason: string): void {
    if (this.#health.state === state && this.#health.reason === reason) return
    this.#health = { state, reason, since: this.#options.system.clock.now() }
  }
}
