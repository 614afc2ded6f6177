import { parse } from 'yaml'
import type { Fact } from '../../src/component/topology.ts'
import type { AlarmTransition } from '../../src/model/alarm.ts'
import type { Value } from '../../src/model/reading.ts'
import { TopologyDriver, type SendOptions } from '../../src/testing.ts'
import { conditionSpec } from '../../src/processors/condition/spec.ts'

export const T0 = 1_732_287_000_000
export const ASSET = 'acme/berlin/press-shop/line1/press7'

/** A machine under one condition; for tests. Times are seconds after `T0`. */
export class TestPlant {
  readonly #driver: TopologyDriver

  constructor(yaml: string, name = 'watch') {
    const parsed = conditionSpec.config.safeParse(parse(yaml))
    if (!parsed.success) throw new Error(parsed.error.issues.map(({ message }) => message).join('\n'))
    this.#driver = new TopologyDriver(conditionSpec.topology(parsed.data, { name, site: 'acme/berlin' }))
  }

  /** A reading at a second; `null` values are Bad. Answers what it led to. */
  at(second: number, values: { readonly [tag: string]: Value | null }, options: SendOptions & { asset?: string } = {}) {
    const time = T0 + second * 1000
    const bad = Object.keys(values).filter((tag) => values[tag] === null)
    const quality = Object.fromEntries(bad.map((tag) => [tag, 0x808c0000]))
    const { asset = ASSET, ...send } = options
    const reading = { asset, sourceTime: time, receivedTime: time, values, ...(bad.length > 0 && { quality }) }
    return this.#told(this.#driver.send({ kind: 'reading', reading }, send))
  }

  /** The clock of the log goes on. */
  until(second: number) {
    return this.#told(this.#driver.advance(T0 + second * 1000))
  }

  /** Stops and starts again from what was kept. */
  restart(): void {
    const saved = this.#driver.changes()
    this.#driver.restore(JSON.parse(JSON.stringify(saved)) as typeof saved)
  }

  #told(outputs: readonly { readonly fact: Fact }[]): AlarmTransition[] {
    return outputs.map(({ fact }) => {
      if (fact.kind !== 'alarm') throw new Error(`a condition told a ${fact.kind}`)
      return fact.alarm
    })
  }
}

/** `raise watch.hi high @30: message`, as tests compare it. */
export function short({ action, alarm, priority, time, message }: AlarmTransition): string {
  const said = message === undefined ? '' : `: ${message}`
  return `${action} ${alarm}${priority === undefined ? '' : ` ${priority}`} @${(time - T0) / 1000}${said}`
}
