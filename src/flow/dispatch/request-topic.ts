import type { Wish } from '../../commands/decide.ts'
import type { Person } from '../../commands/person.ts'
import type { Answer, Refused, Requests } from '../../commands/requests.ts'
import type { ConsumedBatch } from '../../log/groups.ts'
import { wishOf } from '../../commands/wish.ts'
import type { Log, StoredRecord } from '../../log/log.ts'
import type { Json } from '../../model/json-value.ts'
import { topicName } from '../../model/path.ts'
import type { System } from '../../system/system.ts'
import { refusalRecord } from './outcomes.ts'

export interface RequestTopicOptions {
  readonly site: string
  /** In whose name records of the topic ask; undefined: nobody's any more, so everything is refused. */
  readonly person: () => Person | undefined
  readonly requests: Pick<Requests, 'request'>
  readonly log: Pick<Log, 'append' | 'consume' | 'ends'>
  readonly isReady: () => boolean
  readonly system: Pick<System, 'clock' | 'logger'>
}

const AGAIN_MS = 2_000
const READY_MS = 50
/** How far a record's time may be ahead of this hub's. */
const AHEAD_MS = 1_000

/**
 * Takes requests out of the topic `command-requests`, as JSON with the fields of `POST /api/v1/commands`. They are decided as all
 * others are; refusals are told in `outcomes`, and so is how commands end. A record that is read again after a crash has the same
 * key, and is the same request. The time that it has lain there counts.
 */
export class RequestTopic {
  readonly #options: RequestTopicOptions
  readonly #topic: string
  /** Where the partitions ended when this run began: how long what is before has waited is not known. */
  #ends: ReadonlyMap<number, number> = new Map()

  constructor(options: RequestTopicOptions) {
    this.#options = options
    this.#topic = topicName(options.site, 'command-requests')
  }

  /** Works until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, system } = this.#options
    const group = this.#topic
    while (!signal.aborted) {
      try {
        if (this.#ends.size === 0)
          this.#ends = new Map((await log.ends(this.#topic)).map(({ partition, end }) => [partition, end]))
        for await (const batch of log.consume({ group, topics: [this.#topic], signal })) await this.#take(batch, signal)
      } catch (error) {
        if (signal.aborted) return
        system.logger.warn('Cannot take requests for commands; it goes on from its position', { error })
        await system.clock.sleep(AGAIN_MS, signal).catch(() => {})
      }
    }
  }

  async #take(batch: ConsumedBatch, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options.system
    while (!this.#options.isReady() && !signal.aborted) await clock.sleep(READY_MS)
    if (signal.aborted) return
    for (const record of batch.records) await this.#answer(batch, record)
    await batch.commit()
  }

  async #answer({ topic, partition }: ConsumedBatch, record: StoredRecord): Promise<void> {
    const { log, site, system, person, requests } = this.#options
    const cause = `${topic}/${partition}/${record.offset}`
    const who = person()
    const wish = wishIn(record.value, cause)
    const now = system.clock.now()
    const waitedMs = now - record.timestamp
    const isOld = record.offset < (this.#ends.get(partition) ?? 0) || waitedMs < -AHEAD_MS
    const ask = (given: Wish): Promise<Answer> | Answer => {
      if (who === undefined) return refused('right', 'Nobody is named any more in whose name it could be asked')
      if (isOld) return refused('expired', 'It lay in the topic before this hub began, so its age is not known')
      return requests.request(given, who, { via: 'kafka', waitedMs: Math.max(0, waitedMs) })
    }
    const answer = typeof wish === 'string' ? refused('type', wish) : await ask(wish)
    if (answer.kind === 'accepted') return
    const about = typeof wish === 'string' ? { asset: keyOf(record), command: '', key: undefined } : wish
    const told = refusalRecord({ ...about, by: who?.name ?? '' }, answer, now, cause)
    await log.append(topicName(site, 'outcomes'), [told])
  }
}

/** What a record asks for; or why it asks for nothing that could be understood. */
function wishIn(value: Uint8Array | null, cause: string): Wish | string {
  try {
    const json: unknown = JSON.parse(Buffer.from(value ?? []).toString())
    if (typeof json !== 'object' || json === null) return 'it is not a JSON object'
    const { key = cause, ...fields } = json as { readonly [name: string]: Json | undefined }
    // Without a key of its own the place of the record is one.
    return wishOf({ ...fields, key })
  } catch {
    return 'it is not JSON'
  }
}

function keyOf({ key }: StoredRecord): string {
  return key === null ? '' : Buffer.from(key).toString().slice(0, 1_024)
}

function refused(code: string, message: string): Refused {
  return { kind: 'refused', reasons: [{ code, message }] }
}
