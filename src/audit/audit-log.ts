import type { Audit, AuditEntry } from '../component/audit.ts'
import type { Log, NewRecord } from '../log/log.ts'
import { topicName } from '../model/path.ts'
import { replaceFile } from '../system/disk.ts'
import type { System } from '../system/system.ts'
import { chained, type AuditRecord } from './chain.ts'
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

/** Records of one append, at most. */
const MOST_AT_ONCE = 200
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
  readonly #waiting: Waiting[] = []
  #isWorking = false
  #turn: Promise<void> | undefined

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
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#waiting.push({ entry, resolve, reject })
    if (!this.#isWorking) this.#turn = this.#work()
    return promise
  }

  /** What comes while something is under way goes together, as the next append. */
  async #work(): Promise<void> {
    this.#isWorking = true
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MOST_AT_ONCE)
      try {
        await this.#write(batch.map(({ entry }) => entry))
        for (const { resolve } of batch) resolve()
      } catch (error) {
        for (const { reject } of batch) reject(error as Error)
      }
    }
    // In the same turn in which nothing was waiting any more: what comes next begins anew.
    this.#isWorking = false
  }

  async #write(entries: readonly AuditEntry[]): Promise<void> {
    const { log, system } = this.#options
    // A chain begins with the end of what is there when its first record is written.
    if (this.#seq === 0) await this.#findEnd()
    const time = system.clock.now()
    const records: AuditRecord[] = []
    for (const entry of entries) {
      const prev = records.at(-1)?.hash ?? this.#prev
      records.push(chained(entry, { chain: this.#chain, seq: this.#seq + records.length + 1, time, prev }))
    }
    const { hash } = records.at(-1)!
    try {
      const appended = await log.append(this.#topic, records.map(newRecord))
      this.#head = { offset: appended[0]!.nextOffset - 1, hash }
    } catch (error) {
      // It may be there nevertheless, and then it is the next one of this chain: what follows begins another.
      this.#part += 1
      this.#seq = 0
      throw error
    }
    this.#seq += records.length
    this.#prev = hash
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

interface Waiting {
  readonly entry: AuditEntry
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

function newRecord(record: AuditRecord): NewRecord {
  return {
    key: record.asset ?? record.by,
    value: JSON.stringify(record),
    headers: [['content-type', 'application/json']],
    timestamp: Math.floor(record.time),
  }
}

/** The end that a hub has kept in its directory; undefined: none. */
export async function keptHead(directory: string, { disk }: Pick<System, 'disk'>): Promise<AuditHead | undefined> {
  const path = headPath(directory)
  if (!(await disk.exists(path))) return undefined
  return JSON.parse(Buffer.from(await disk.readFile(path)).toString()) as AuditHead
}
