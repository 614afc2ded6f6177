import type { OeeEvent, OeeReading, PlannedStopEvent, ReasonEvent } from '../../src/processors/oee/entry.ts'
import type { Category } from '../../src/processors/oee/judge.ts'
import type { Random } from '../../src/system/random.ts'

/**
 * OEE by brute force, second by second, straight from the rules of docs/processors/oee.md: no segments, no state, no
 * calendar code. Slow, and independent of what it checks.
 */
export const SECOND = 1000

export type Input = { readonly reading: OeeReading } | { readonly event: OeeEvent }

/** The config that the oracle knows. */
export const ORACLE_CONFIG = {
  zone: 'Europe/Berlin',
  shifts: [
    { name: 'late', from: '14:00', to: '22:00', breaks: [{ name: 'supper', at: '18:00', for: '30m' }] },
    { name: 'night', from: '22:00', to: '05:00', breaks: [{ name: 'meal', at: '01:30', for: '45m' }] },
  ],
  tags: { state: 'state', total: 'total', scrap: 'scrap', order: 'order', product: 'product', reason: 'reason' },
  products: { A: { idealCycle: '2s' }, B: { idealCycle: '3s' } },
  idealCycle: '4s',
  counterMax: { total: 1e9, scrap: 1e9 },
  microStop: '90s',
  stale: '10m',
  lateness: '30m',
  revise: '2h',
  reasons: { jam: { class: 'breakdown' }, clean: { class: 'setup' }, tour: { class: 'planned-stop' } },
}

const CLASS: { readonly [state: string]: string } = {
  Execute: 'running',
  Held: 'breakdown',
  Suspended: 'waiting',
  Resetting: 'setup',
}

export interface Tick {
  readonly at: number
  readonly category: Category
  readonly order: string | null
  readonly product: string | null
  total: number
  scrap: number
}

/** What each second of [from, to) went to. */
export function ticks(inputs: readonly Input[], from: number, to: number): Tick[] {
  const timed = inputs.filter(
    (input) => 'reading' in input || input.event.kind === 'offline' || input.event.kind === 'order',
  )
  const moments = timed.map((input) => ({ input, at: timeOf(input) })).sort((a, b) => a.at - b.at)
  const seconds: (Said & { at: number })[] = []
  const made: { at: number; total: number; scrap: number }[] = []
  const said: Said = { heard: null, offline: false, bad: {}, last: {}, order: null, product: null, reason: null }
  let next = 0
  let now = structuredClone(said)
  const hearUpTo = (at: number) => {
    const before = next
    for (; next < moments.length && moments[next]!.at <= at; next += 1) {
      made.push({ at: moments[next]!.at, ...hear(said, moments[next]!.input) })
    }
    if (next > before) now = structuredClone(said)
  }
  for (let at = from; at < to; at += SECOND) {
    hearUpTo(at)
    seconds.push({ ...now, at })
  }
  hearUpTo(to)
  const found = categories(seconds, inputs)
  const all = seconds.map(({ at, order, product }, index): Tick => ({
    at,
    category: found[index]!,
    order,
    product,
    total: 0,
    scrap: 0,
  }))
  for (const { at, total, scrap } of made) {
    const tick = all[(at - from) / SECOND - 1]
    if (tick === undefined) continue
    tick.total += total
    tick.scrap += scrap
  }
  return all
}

interface Said {
  heard: number | null
  offline: boolean
  state?: string | null
  bad: { [counter: string]: boolean }
  last: { [counter: string]: number }
  order: string | null
  product: string | null
  reason: string | null
}

function timeOf(input: Input): number {
  if ('reading' in input) return input.reading.time
  return 'time' in input.event ? input.event.time : Number.NaN
}

function hear(said: Said, input: Input): { total: number; scrap: number } {
  const made = { total: 0, scrap: 0 }
  if ('event' in input) {
    if (input.event.kind === 'offline') said.offline = true
    if (input.event.kind === 'order') {
      said.order = input.event.order
      said.product = input.event.product ?? (input.event.order === null ? null : said.product)
    }
    return made
  }
  const { time, values, quality } = input.reading
  said.heard = time
  said.offline = false
  for (const counter of ['total', 'scrap'] as const) {
    if (!(counter in values)) continue
    said.bad[counter] = quality?.[counter] !== undefined
    if (said.bad[counter]) continue
    const value = values[counter] as number
    const before = said.last[counter]
    if (before !== undefined) made[counter] = value >= before ? value - before : value <= before / 2 ? value : 0
    said.last[counter] = value
  }
  if ('state' in values) said.state = quality?.state === undefined ? (values.state as string) : null
  if ('order' in values) said.order = (values.order as string) || null
  if ('product' in values) said.product = (values.product as string) || null
  if ('reason' in values) said.reason = (values.reason as string) || null
  return made
}

function categories(seconds: readonly (Said & { at: number })[], inputs: readonly Input[]): Category[] {
  const notes = inputs.flatMap((input) => ('event' in input ? [input.event] : []))
  const kinds = seconds.map(kindOf)
  const lengths = stretchLengths(kinds)
  return seconds.map(({ at, reason }, index) => {
    const kind = kinds[index]!
    const pause = planAt(at)
    if (pause === undefined) return 'unplanned'
    if (pause !== '' || plannedAt(notes, at)) return 'planned-stop'
    const byPeople = reasonAt(notes, at)
    const people = byPeople?.class ?? reasonClass(byPeople?.reason)
    if (kind === 'unknown') return people ?? 'unknown'
    if (kind === 'running') return 'running'
    if (people !== undefined) return people
    const stop = reasonClass(reason) ?? (kind as Category)
    return (stop === 'breakdown' || stop === 'waiting') && lengths[index]! * SECOND < 90_000 ? 'micro-stop' : stop
  })
}

function kindOf({ at, heard, offline, bad, state }: Said & { at: number }): string {
  if (offline || heard === null || at >= heard + 600_000 || bad.total || bad.scrap) return 'unknown'
  return typeof state === 'string' ? (CLASS[state] ?? 'unknown') : 'unknown'
}

function stretchLengths(kinds: readonly string[]): number[] {
  const motion = kinds.map((kind) => (kind === 'running' || kind === 'unknown' ? kind : 'stands'))
  const lengths: number[] = []
  for (let begin = 0; begin < motion.length;) {
    let end = begin
    while (end < motion.length && motion[end] === motion[begin]) end += 1
    for (let index = begin; index < end; index += 1) lengths[index] = end - begin
    begin = end
  }
  return lengths
}

const CLOCK = new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Berlin', hour: '2-digit', minute: '2-digit' })
const PLANS = new Map<number, string | undefined>()

/** undefined: no shift; else the name of the break, or ''. */
function planAt(at: number): string | undefined {
  const minute = Math.floor(at / 60_000)
  if (!PLANS.has(minute)) PLANS.set(minute, planOf(minute * 60_000))
  return PLANS.get(minute)
}

function planOf(at: number): string | undefined {
  const clock = CLOCK.format(at)
  if (clock >= '05:00' && clock < '14:00') return undefined
  if (clock >= '18:00' && clock < '18:30') return 'supper'
  return isMeal(at) ? 'meal' : ''
}

/** 45 minutes from 01:30. */
function isMeal(at: number): boolean {
  for (let since = 0; since < 45; since += 1) if (CLOCK.format(at - since * 60_000) === '01:30') return true
  return false
}

function plannedAt(notes: readonly OeeEvent[], at: number): boolean {
  const stops = new Map<string, PlannedStopEvent>()
  for (const note of notes) if (note.kind === 'planned-stop') stops.set(note.id, note)
  return [...stops.values()].some(({ from, to }) => from <= at && at < to)
}

function reasonAt(notes: readonly OeeEvent[], at: number): ReasonEvent | undefined {
  return notes.findLast((note): note is ReasonEvent => note.kind === 'reason' && note.from <= at && at < note.to)
}

function reasonClass(reason: string | null | undefined): Category | undefined {
  const known: { readonly [reason: string]: Category } = { jam: 'breakdown', clean: 'setup', tour: 'planned-stop' }
  return reason === null || reason === undefined ? undefined : known[reason]
}

/** A random story of a machine: readings, bad quality, silence, resets, orders, and what people say of it. */
export function story(random: Random, from: number, hours: number): Input[] {
  const inputs: Input[] = []
  const pick = <T>(list: readonly T[]): T => list[random.integer(list.length)]!
  let total = random.integer(1000)
  let scrap = 0
  let cause = 0
  const end = from + hours * 3_600_000
  let at = from + random.integer(600) * SECOND
  while (at < end) {
    cause += 1
    const chance = random.next()
    if (chance < 0.02) inputs.push({ event: { kind: 'offline', time: at, cause: `e${cause}` } })
    else if (chance < 0.05) {
      const order = pick(['W1', 'W2', null])
      inputs.push({
        event: {
          kind: 'order',
          time: at,
          order,
          ...(order === null ? {} : { product: pick(['A', 'B', 'C']) }),
          cause: `e${cause}`,
        },
      })
    } else if (chance < 0.08) inputs.push({ event: note(random, at, cause) })
    else {
      total = chance < 0.1 && total > 10 ? random.integer(3) : total + random.integer(40)
      scrap += random.integer(3)
      inputs.push({ reading: read(random, at, total, scrap, cause) })
    }
    at += SECOND * (1 + random.integer(chance > 0.97 ? 1800 : 120))
  }
  return [...inputs, { event: { kind: 'order', time: end, order: null, cause: 'end' } }]
}

function read(random: Random, time: number, total: number, scrap: number, cause: number): OeeReading {
  const values: { [tag: string]: string | number } = {}
  const quality: { [tag: string]: number } = {}
  const states = ['Execute', 'Execute', 'Execute', 'Held', 'Suspended', 'Resetting', 'Dancing']
  if (random.next() < 0.7) values.state = states[random.integer(random.next() < 0.1 ? 7 : 6)]!
  if (random.next() < 0.8) values.total = total
  if (random.next() < 0.8) values.scrap = scrap
  if (random.next() < 0.1) values.reason = ['', 'jam', 'clean', 'other'][random.integer(4)]!
  if (random.next() < 0.05) values.product = ['A', 'B', ''][random.integer(3)]!
  if (random.next() < 0.03) values.order = ['W1', 'W3', ''][random.integer(3)]!
  for (const tag of ['state', 'total', 'scrap']) if (tag in values && random.next() < 0.03) quality[tag] = 0x80000000
  return { time, values, quality, cause: `r${cause}` }
}

function note(random: Random, at: number, cause: number): OeeEvent {
  const from = at - random.integer(1200) * SECOND
  const to = from + (1 + random.integer(900)) * SECOND
  const reason = ['jam', 'clean', 'tour', 'other'][random.integer(4)]!
  if (random.next() < 0.3) return { kind: 'planned-stop', id: `p${cause}`, from, to, reason, cause: `e${cause}` }
  const plain = { kind: 'reason', from, to, reason, cause: `e${cause}` } as const
  return random.next() < 0.2 ? { ...plain, class: 'waiting' } : plain
}
