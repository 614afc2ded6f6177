import type { Appended, Log, NewRecord, Position, ReadBatch, ReadOptions } from '../../src/log/log.ts'
import { MemoryLog } from '../../src/log/memory/memory-log.ts'
import type { MemoryStore } from '../../src/log/memory/memory-store.ts'
import type { Clock } from '../../src/system/clock.ts'
import type { Random } from '../../src/system/random.ts'

/**
 * The log as a hub has it that is killed at its n-th call, whatever that is: of an append nothing, or all, is there
 * afterwards; nothing is heard any more; its groups wait for it until its session is over.
 */
export class MortalLog extends MemoryLog {
  readonly #random: Random
  #left: number

  constructor(parts: { store: MemoryStore; clock: Clock; random: Random; calls: number }) {
    super(parts)
    this.#random = parts.random
    this.#left = parts.calls
  }

  get isDead(): boolean {
    return this.#left <= 0
  }

  /** Dies now. */
  die(): void {
    if (this.isDead) return
    this.#left = 0
    this.hang(true)
  }

  override append(topic: string, records: readonly NewRecord[]): Promise<readonly Appended[]> {
    const wasDead = this.isDead
    if (this.#lives()) return super.append(topic, records)
    if (!wasDead && this.#random.next() < 0.5) super.append(topic, records).catch(() => {})
    return never()
  }

  override async ends(topic: string) {
    return this.#lives() ? super.ends(topic) : never()
  }

  override async ready() {
    return this.#lives() ? super.ready() : never()
  }

  override async *read(positions: readonly Position[], options: ReadOptions): AsyncGenerator<ReadBatch> {
    if (!this.#lives()) await never()
    for await (const batch of super.read(positions, options)) {
      if (!this.#lives()) await never()
      yield batch
    }
    if (this.isDead) await never()
  }

  #lives(): boolean {
    this.#left -= 1
    // Its heartbeats end too.
    if (this.#left === 0) this.hang(true)
    return this.#left > 0
  }
}

function never(): Promise<never> {
  return new Promise(() => {})
}

/** Ways in which the promise of once can be broken; each must be found. */
export const BUGS: { readonly [name: string]: (log: Log) => Log } = {
  'the mark is written before the outputs that it covers': (log) => {
    const held: (() => void)[] = []
    return changed(log, {
      append(topic: string, records: readonly NewRecord[]) {
        if (/\.(derived|alarms|keyed-.*)$/.test(topic)) {
          held.push(() => void log.append(topic, records).catch(() => {}))
          return Promise.resolve([])
        }
        const done = log.append(topic, records)
        return done.then((appended) => {
          for (const write of held.splice(0)) write()
          return appended
        })
      },
    })
  },
  'what was derived already is not looked for': (log) =>
    changed(log, {
      read(positions: readonly Position[], options: ReadOptions) {
        const isOutput = ({ topic }: Position) => /\.(derived|alarms|keyed-.*)$/.test(topic)
        return log.read(options.untilEnd === true ? positions.filter((one) => !isOutput(one)) : positions, options)
      },
    }),
  'what a state has taken already is taken again': (log) =>
    changed(log, {
      async *read(positions: readonly Position[], options: ReadOptions) {
        for await (const batch of log.read(positions, options)) {
          if (!batch.topic.includes('.state-')) yield batch
          else yield { ...batch, records: batch.records.map(withoutTaken) }
        }
      },
    }),
}

function withoutTaken<T extends ReadBatch['records'][number]>(record: T): T {
  if (record.value === null) return record
  const { at, last, ...state } = JSON.parse(Buffer.from(record.value).toString()) as { at?: unknown; last?: unknown }
  return at === undefined && last === undefined
    ? record
    : { ...record, value: Buffer.from(JSON.stringify({ ...state, at: {} })) }
}

function changed(log: Log, methods: object): Log {
  return new Proxy(log, {
    get(target, name) {
      const value: unknown = Reflect.get(name in methods ? methods : target, name)
      return typeof value === 'function' ? value.bind(name in methods ? methods : target) : value
    },
  })
}
