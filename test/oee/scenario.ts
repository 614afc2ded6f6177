import { oeeSettings } from '../../src/processors/oee/config.ts'
import type { OeeReading } from '../../src/processors/oee/entry.ts'
import { OeeMachine } from '../../src/processors/oee/machine.ts'
import type { OeeResult, Skipped } from '../../src/processors/oee/result.ts'

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE

/** A machine with a story: times are minutes after `start`, every input has a number as its cause. */
export class Scenario {
  readonly start: number
  machine: OeeMachine
  readonly results: OeeResult[] = []
  readonly skipped: Skipped[] = []
  #cause = 0

  constructor(config: object, start: string) {
    this.machine = new OeeMachine(oeeSettings.parse(config))
    this.start = Date.parse(start)
  }

  at(minutes: number): number {
    return this.start + Math.round(minutes * MINUTE)
  }

  say(minutes: number, values: OeeReading['values'], quality?: OeeReading['quality']): this {
    const reading = {
      time: this.at(minutes),
      values,
      cause: this.#next(),
      ...(quality === undefined ? {} : { quality }),
    }
    const refusal = this.machine.reading(reading)
    if (refusal !== undefined) throw new Error(refusal.message)
    return this
  }

  order(minutes: number, order: string | null, product?: string, idealCycleMs?: number): this {
    const more = {
      ...(product === undefined ? {} : { product }),
      ...(idealCycleMs === undefined ? {} : { idealCycleMs }),
    }
    this.machine.event({ kind: 'order', time: this.at(minutes), order, ...more, cause: this.#next() })
    return this
  }

  passed(minutes: number): this {
    for (const told of this.machine.watermark(this.at(minutes))) {
      if (told.type === 'result') this.results.push(told)
      else this.skipped.push(told)
    }
    return this
  }

  /** The newest result of a kind, by name where there are several. */
  newest(kind: OeeResult['kind'], name?: string): OeeResult {
    const found = this.results.findLast(
      (result) => result.kind === kind && (name === undefined || result.name === name),
    )
    if (found === undefined) throw new Error(`no ${kind} ${name ?? ''} among ${this.results.map((r) => r.kind).join()}`)
    return found
  }

  #next(): string {
    this.#cause += 1
    return `c${this.#cause}`
  }
}
