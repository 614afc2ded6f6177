import type { Plant } from '../config/plant.ts'
import type { Events } from '../events/events.ts'
import { under } from '../model/path.ts'
import { Calendar, type Period } from '../processors/oee/calendar.ts'
import type { OeeConfig } from '../processors/oee/config.ts'
import { inLineOrder } from '../processors/oee/line-operator.ts'
import { countersOf } from '../processors/oee/machine.ts'
import type { Counter } from '../processors/oee/settings.ts'
import { RUNNING } from '../processors/oee/told.ts'

/** A machine that has OEE, and the counters that it has. */
export interface OeeMachineSetting {
  readonly asset: string
  readonly counters: readonly Counter[]
}

/** An `oee` of the config. */
interface OeeProcessor {
  readonly name: string
  readonly config: OeeConfig
  readonly calendar: Calendar
  readonly counters: readonly Counter[]
}

/** The machines of a place that have OEE. */
export interface OeePlace {
  readonly level: 'machine' | 'line' | 'place'
  readonly machines: readonly OeeMachineSetting[]
  /** Of the first machine: its calendar is that of the place. */
  readonly processor: OeeProcessor
}

/** Days that are looked back for the last shift. */
const LAST_SHIFT_MS = 8 * 86_400_000

/** Which machines have OEE: those of which the processors of the config have told something. */
export class OeeMachines {
  readonly #site: string
  readonly #events: Events
  readonly #processors: ReadonlyMap<string, OeeProcessor>

  constructor({ site, processors }: Plant, events: Events) {
    this.#site = site
    this.#events = events
    const own = processors.filter(({ spec }) => spec.kind === 'oee')
    this.#processors = new Map(
      own.map(({ name, config: given }) => {
        const config = given as OeeConfig
        const counters = [...countersOf(config.settings)]
        return [name, { name, config, calendar: new Calendar(config.settings), counters }]
      }),
    )
  }

  /** Undefined: there are none. */
  at(path: string): OeePlace | undefined {
    const known = this.#events.newest(RUNNING).flatMap(({ asset, source }) => {
      const processor = this.#processors.get(source)
      return processor !== undefined && isIn(asset, path) ? [{ asset, processor }] : []
    })
    const first = known[0]
    if (first === undefined) return undefined
    const line = [...this.#processors.values()].find(({ config }) => config.line && this.#lineOf(config) === path)
    const { processor } = line ? { processor: line } : first
    const order = line?.config.line?.machines.map((machine) => under(this.#site, machine)) ?? []
    const sorted = inLineOrder(
      known.map(({ asset }) => asset),
      order,
    )
    const machines = sorted.map((asset): OeeMachineSetting => {
      const own = known.find((one) => one.asset === asset)!.processor
      return { asset, counters: own.counters }
    })
    const level = known.length === 1 && first.asset === path ? 'machine' : line ? 'line' : 'place'
    return { level, machines, processor }
  }

  #lineOf({ line }: OeeConfig): string {
    return under(this.#site, line!.asset)
  }
}

/** The period of a kind that a moment is in; of shifts, where none is on, the one before. */
export function periodAt(calendar: Calendar, kind: 'hour' | 'shift' | 'day', at: number): Period | undefined {
  const here = calendar.periods(kind, at, at + 1).next()
  if (here.done !== true) return here.value
  return [...calendar.periods(kind, at - LAST_SHIFT_MS, at)].at(-1)
}

function isIn(asset: string, path: string): boolean {
  return asset === path || asset.startsWith(`${path}/`)
}
