import type { Audit, AuditEntry } from '../component/audit.ts'
import type { Log } from '../log/log.ts'
import { topicName } from '../model/path.ts'
import { replaceFile } from '../system/disk.ts'
import type { System } from '../system/system.ts'
import { chained } from './chain.ts'
import { decodeAudit, type AuditHead } from './verify.ts'

export interface AuditLogOptions {
  readonly site: string
  /** This hub and its run: the name of its chain. */
  readonly chain: string
  readonly log: Pick<Log, 'append' | 'ends' | 'read'>
  /** Folder of the file that keeps the end; made where it is missing. */
  readonly directory: string
  readonly system: Pick<System, 'clock' | 'disk' | 'logger'>
}

/** Longest time that the file of the end is behind, ms. */
const HEAD_EVERY_MS = 1_000

const headPath = (directory: string) => `${directory}/head.json`

/**
 * Writes the audit: each entry as a record that carries the hash of the one before it. Each run of a hub has a chain of its own,
 * so that several hubs can write at the same time; its first record names the last one of the topic.
 */
export class AuditLog implements Audit {
  readonly #options: AuditLogOptions
  readonly #topic: string
  #prev = ''
  #seq = 0
  /** Chains that this run has begun. */
  #part = 1
  #head: AuditHead | undefined
  #kept: AuditHead | undefined
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: AuditLogOptions) {
    this.#options = options
    this.#topic = topicName(options.site, 'audit')
  }

  /** Makes the folder of its end. */
  async open(): Promise<void> {
    const { directory, system } = this.#options
    await system.disk.makeDirectory(directory)
  }

  async #findEnd(): Promise<void> {
    const { log } = this.#options
    const [ends] = await log.ends(this.#topic)
    if (ends === undefined || ends.end === ends.start) return
    const { signal } = new AbortController()
    const positions = [{ topic: this.#topic, partition: 0, offset: ends.end - 1 }]
    for await (const { records } of log.read(positions, { signal, untilEnd: true }))
      for (const { value } of records) this.#prev = decodeAudit(value)?.hash ?? this.#prev
  }

  /** Keeps the file of the end until then. @returns what ends it */
  keepHead(): () => Promise<void> {
    const timer = this.#options.system.clock.every(HEAD_EVERY_MS, () => void this.#keep())
    return async () => {
      timer.cancel()
      await this.#turn
      await this.#keep()
    }
  }

  write(entry: AuditEntry): Promise<void> {
    const written = this.#turn.then(() => this.#write(entry))
    this.#turn = written.catch(() => {})
    return written
  }

  async #write(entry: AuditEntry): Promise<void> {
    const { log, system } = this.#options
    // A chain begins with the end of what is there when its first record is written.
    if (this.#seq === 0) await this.#findEnd()
    const time = system.clock.now()
    const record = chained(entry, { chain: this.#chain, seq: this.#seq + 1, time, prev: this.#prev })
    const value = JSON.stringify(record)
    const headers = [['content-type', 'application/json']] as const
    const key = entry.asset ?? entry.by
    try {
      const appended = await log.append(this.#topic, [{ key, value, headers, timestamp: Math.floor(time) }])
      this.#head = { offset: appended[0]!.nextOffset - 1, hash: record.hash }
    } catch (error) {
      // It may be there nevertheless, and then it is the next one of this chain: what follows begins another.
      this.#part += 1
      this.#seq = 0
      throw error
    }
    this.#seq += 1
    this.#prev = record.hash
  }

  get #chain(): string {
    return this.#part === 1 ? this.#options.chain : `${this.#options.chain}.${this.#part}`
  }

  async #keep(): Promise<void> {
    const { directory, system } = this.#options
    const head = this.#head
    if (head === undefined || head === this.#kept) return
    try {
      await replaceFile(system.disk, headPath(directory), Buffer.from(JSON.stringify(head)))
      this.#kept = head
    } catch (error) {
      system.logger.warn('Cannot keep the end of the audit beside the log', { error })
    }
  }
}

/** The end that a hub has kept in its directory; undefined: none. */
export async function keptHead(directory: string, { disk }: Pick<System, 'disk'>): Promise<AuditHead | undefined> {
  const path = headPath(directory)
  if (!(await disk.exists(path))) return undefined
  return JSON.parse(Buffer.from(await disk.readFile(path)).toString()) as AuditHead
}
