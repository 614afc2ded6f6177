import type { Storage, StoredTopic } from '../storage/storage.ts'
import type { Limits } from './limits.ts'
import { ERROR } from './protocol-error.ts'
import type { ErrorCode, Refusal } from './protocol-error.ts'

/** The topics as the wire sees them: found by id, and created once however many clients ask at the same time. */
export class Topics {
  readonly #storage: Storage
  readonly #limits: Limits
  /** Names by id; a topic may have been deleted since. */
  readonly #names = new Map<string, string>()
  readonly #creating = new Map<string, { readonly partitions: number; readonly done: Promise<StoredTopic> }>()

  constructor(storage: Storage, limits: Limits) {
    this.#storage = storage
    this.#limits = limits
  }

  byId(id: Uint8Array): StoredTopic | undefined {
    const key = hex(id)
    if (!this.#names.has(key)) {
      this.#names.clear()
      for (const topic of this.#storage.topics().values()) this.#names.set(hex(topic.id), topic.name)
    }
    const topic = this.#storage.topic(this.#names.get(key) ?? '')
    return topic !== undefined && hex(topic.id) === key ? topic : undefined
  }

  /** Why a topic cannot be created now; undefined where it can. */
  refusal(name: string, partitions: number): Refusal | undefined {
    const fault = topicNameFault(name)
    if (fault !== undefined) return { error: ERROR.invalidTopic, message: fault }
    if (isInternal(name)) {
      return {
        error: ERROR.invalidTopic,
        message: `Cannot create topic "${name}": it is the broker's own, want another`,
      }
    }
    if (this.#storage.topic(name) || this.#creating.has(name)) {
      return { error: ERROR.topicAlreadyExists, message: `Cannot create topic "${name}": it exists` }
    }
    if (!Number.isInteger(partitions) || partitions < 1) {
      const message = `Cannot create topic "${name}": partitions is ${partitions}, want at least 1`
      return { error: ERROR.invalidPartitions, message }
    }
    const full = this.room(partitions)
    if (full === undefined) return undefined
    return { error: ERROR.policyViolation, message: `Cannot create topic "${name}": ${full}` }
  }

  /** Why there is no room for so many partitions more; undefined where there is. */
  room(partitions: number): string | undefined {
    const sum = this.#partitions() + partitions
    if (sum <= this.#limits.maxPartitions) return undefined
    return `the broker would have ${sum} partitions, want at most ${this.#limits.maxPartitions}`
  }

  /** Durable when it resolves. Where the topic is being created already, that creation's. @throws StorageError */
  create(name: string, partitions: number, configs: { readonly [name: string]: string }): Promise<StoredTopic> {
    const known = this.#creating.get(name)
    if (known) return known.done
    const done = this.#storage.createTopic(name, { partitions, configs }).finally(() => this.#creating.delete(name))
    this.#creating.set(name, { partitions, done })
    return done
  }

  /** Those that are being created are counted too: one request may name thousands. */
  #partitions(): number {
    let sum = 0
    for (const topic of this.#storage.topics().values()) sum += topic.partitions
    for (const [name, { partitions }] of this.#creating) sum += this.#storage.topic(name) ? 0 : partitions
    return sum
  }
}

/** Where groups and what they commit are written down, as in Kafka. */
export const OFFSETS_TOPIC = '__consumer_offsets'

/** Whether a topic is the broker's own: clients may read it, and neither create nor write it. */
export function isInternal(topic: string): boolean {
  return topic === OFFSETS_TOPIC
}

/** What a client is told of a partition that is not served: it does not exist, or it could not be opened. */
export function absence(storage: Storage, topic: string, partition: number): ErrorCode {
  const exists = partition >= 0 && partition < (storage.topic(topic)?.partitions ?? 0)
  return exists ? ERROR.storageError : ERROR.unknownTopicOrPartition
}

const MAX_NAME = 249

/** Why Kafka's rules refuse a topic name (`Topic.validate`); undefined where they do not. */
export function topicNameFault(name: string): string | undefined {
  if (name === '') return 'Cannot create topic "": the name is empty, want 1 to 249 characters'
  if (name === '.' || name === '..') return `Cannot create topic "${name}": the name is a directory's, want another`
  if (name.length > MAX_NAME) {
    return `Cannot create topic "${name.slice(0, 20)}...": the name has ${name.length} characters, want at most ${MAX_NAME}`
  }
  if (/^[a-zA-Z0-9._-]+$/.test(name)) return undefined
  return `Cannot create topic ${JSON.stringify(name)}: illegal characters, want only a-z A-Z 0-9 . _ -`
}

function hex(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('hex')
}
