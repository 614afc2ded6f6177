import type { Appended, LogError, NewRecord } from '../log.ts'
import { BatchBuilder } from './batch-builder.ts'
import type { Identity } from './identities.ts'
import type { Slabs } from './slabs.ts'

/** One call of `append`: resolves when every batch that holds a record of it is durable. */
export class Call {
  readonly promise: Promise<readonly Appended[]>
  readonly #resolve: (appended: readonly Appended[]) => void
  readonly #reject: (error: LogError) => void
  readonly #appended: Appended[] = []
  #open = 0

  constructor() {
    const { promise, resolve, reject } = Promise.withResolvers<readonly Appended[]>()
    this.promise = promise
    this.#resolve = resolve
    this.#reject = reject
  }

  /** One more batch holds records of this call. */
  joined(): void {
    this.#open++
  }

  stored(partition: number, nextOffset: number, count: number): void {
    const at = this.#appended.findIndex((one) => one.partition === partition)
    if (at === -1) this.#appended.push({ partition, nextOffset, count })
    else this.#appended[at] = { partition, nextOffset, count: this.#appended[at]!.count + count }
    if (--this.#open === 0) this.#resolve(this.#appended)
  }

  failed(error: LogError): void {
    this.#reject(error)
  }
}

/** The records of one call within one batch: those up to index `end`, `count` of them. */
interface Part {
  readonly call: Call
  count: number
  end: number
}

/** A batch from its first record to its answer: filled, sealed with a sequence, sent until the log has answered. */
export class GatheredBatch {
  /** Monotonic ms when the first record came. */
  readonly since: number
  readonly #builder: BatchBuilder
  readonly #parts: Part[] = []
  #sealed: Uint8Array | undefined
  #bytes = 0
  /** A request with it was lost: the log may hold it already. */
  uncertain = false

  constructor(slabs: Slabs, expectedBytes: number, since: number) {
    this.since = since
    this.#builder = new BatchBuilder(slabs, expectedBytes)
  }

  /** Bytes handed over, before compression. */
  get bytes(): number {
    return this.#bytes
  }

  get count(): number {
    return this.#builder.count
  }

  fits(record: NewRecord, limit: number): boolean {
    return this.#builder.count === 0 || this.#builder.fits(record, limit)
  }

  add(record: NewRecord, call: Call): void {
    const before = this.#builder.size
    this.#builder.add(record)
    this.#bytes += this.#builder.size - before
    const last = this.#parts.at(-1)
    if (last?.call === call) {
      last.count++
      last.end++
    } else {
      this.#parts.push({ call, count: 1, end: this.#builder.count })
      call.joined()
    }
  }

  /** Its bytes, made once: what is sent again is the same batch with the same sequence, so it is stored once. */
  seal(identity: Identity, baseSequence: number, compression: 'none' | 'zstd'): Uint8Array {
    this.#sealed ??= this.#builder.finish({ ...identity, baseSequence }, compression)
    return this.#sealed
  }

  /** Made anew under another producer id; only where it is certain that the log does not hold it. */
  reseal(): void {
    this.#sealed = undefined
  }

  get sealed(): boolean {
    return this.#sealed !== undefined
  }

  stored(partition: number, baseOffset: number): void {
    this.#builder.release()
    for (const { call, end, count } of this.#parts) call.stored(partition, baseOffset + end, count)
  }

  /** Its memory is not given back: a socket that is being torn down may still read it. */
  failed(error: LogError): void {
    for (const { call } of this.#parts) call.failed(error)
  }
}
