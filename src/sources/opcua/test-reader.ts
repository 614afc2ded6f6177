import { inspect } from 'node:util'
import type { Batch, Source } from '../../component/source.ts'
import type { Reading, Value } from '../../model/reading.ts'
import { qualityOf } from '../../model/reading.ts'
import { systemClock } from '../../system/clock.ts'
import { fileDisk } from '../../system/file-disk.ts'
import { silentLogger, type Logger } from '../../system/logger.ts'
import { Metrics } from '../../system/metrics.ts'
import { nodeNet } from '../../system/node-net.ts'
import { seededRandom } from '../../system/random.ts'
import { opcuaSpec } from './spec.ts'

/** Pulls from a source as the hub does, acknowledges at once, and keeps what came. */
export class Reader {
  readonly source: Source
  readonly readings: Reading[] = []
  readonly batches: Batch[] = []
  readonly #abort = new AbortController()
  readonly #running: Promise<void>
  readonly #acknowledge: boolean
  #news = Promise.withResolvers<void>()

  constructor(config: unknown, options: { acknowledge?: boolean; logger?: Logger; pull?: boolean } = {}) {
    const system = {
      clock: systemClock,
      random: seededRandom(1),
      disk: fileDisk,
      net: nodeNet,
      logger: options.logger ?? silentLogger,
      metrics: new Metrics(),
    }
    this.#acknowledge = options.acknowledge ?? true
    this.source = opcuaSpec.create(opcuaSpec.config.parse(config), {
      name: 'line1',
      site: 'acme/berlin',
      system,
      http: { post: () => () => {} },
    })
    this.#running = options.pull === false ? Promise.resolve() : this.#pull()
  }

  async #pull(): Promise<void> {
    for await (const batch of this.source.read(this.#abort.signal)) {
      this.batches.push(batch)
      for (const item of batch.items) if (item.kind === 'reading') this.readings.push(item.reading)
      if (this.#acknowledge) batch.ack()
      this.#news.resolve()
      this.#news = Promise.withResolvers<void>()
    }
  }

  /** Waits until what came satisfies `found`, and answers what it answers. */
  async until<T>(found: (readings: readonly Reading[]) => T | undefined | false, what: string): Promise<T> {
    const deadline = AbortSignal.timeout(20_000)
    for (;;) {
      const answer = found(this.readings)
      if (answer !== undefined && answer !== false) return answer
      if (deadline.aborted) throw new Error(`Cannot see ${what}: health is ${JSON.stringify(this.source.health())}`)
      // Health has no event; values have.
      await Promise.race([this.#news.promise, systemClock.sleep(50)])
    }
  }

  /** Waits for a value of a tag. */
  value(
    asset: string,
    tag: string,
    want?: Value | null,
  ): Promise<{ reading: Reading; value: Value | null; quality: number }> {
    return this.until(
      (readings) => {
        const reading = readings.findLast(
          (one) =>
            one.asset === `acme/berlin/${asset}` &&
            Object.hasOwn(one.values, tag) &&
            (want === undefined || one.values[tag] === want),
        )
        return reading && { reading, value: reading.values[tag]!, quality: qualityOf(reading, tag) }
      },
      `${asset} ${tag} ${inspect(want)}`,
    )
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    await this.#running
  }
}
