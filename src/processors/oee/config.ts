import { z } from 'zod'
import { durationField, severalField } from '../../component/fields.ts'
import type { Shift } from './calendar.ts'
import { COUNTERS, type OeeSettings } from './settings.ts'
import { isZone } from './zone.ts'

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
const DAY_MINUTES = 1440

const clockField = z
  .string()
  .transform((given, context): number => {
    const match = /^([01]\d|2[0-4]):([0-5]\d)$/.exec(given)
    const minute = match ? Number(match[1]) * 60 + Number(match[2]) : Infinity
    if (minute <= DAY_MINUTES) return minute % DAY_MINUTES
    context.addIssue({
      code: 'custom',
      message: `Cannot read time ${JSON.stringify(given)}: want "HH:MM", 00:00 to 24:00`,
    })
    return z.NEVER
  })
  .describe('A time on the wall clock: "06:00"')

const daysField = z
  .union([z.string(), z.array(z.enum(DAYS))])
  .transform((given, context): number[] => {
    if (typeof given !== 'string') return given.map((day) => DAYS.indexOf(day))
    const [from, to] = given.split('-').map((day) => DAYS.findIndex((known) => known === day.trim()))
    if (from !== undefined && from >= 0 && to === undefined) return [from]
    if (from !== undefined && to !== undefined && from >= 0 && to >= 0) {
      return Array.from({ length: ((to - from + 7) % 7) + 1 }, (_, index) => (from + index) % 7)
    }
    context.addIssue({
      code: 'custom',
      message: `Cannot read days ${JSON.stringify(given)}: want e.g. "mon-fri", "sat", [mon, wed]`,
    })
    return z.NEVER
  })
  .describe('Days on which it begins: mon-fri, sat, [mon, wed]')

const shiftField = z
  .strictObject({
    name: z.string().min(1).describe('Name of the shift'),
    from: clockField,
    to: clockField,
    days: daysField.default([0, 1, 2, 3, 4, 5, 6]),
    breaks: z
      .array(
        z.strictObject({
          name: z.string().min(1).default('break').describe('Name of the break'),
          at: clockField,
          for: durationField,
        }),
      )
      .default([])
      .describe('Pauses within it'),
  })
  .transform(({ name, from, to, days, breaks }): Shift => {
    const pauses = breaks.map((pause) => ({ name: pause.name, atMinute: pause.at, forMs: pause.for }))
    return { name, fromMinute: from, toMinute: to, days, breaks: pauses }
  })

const stateClassField = z.enum(['running', 'breakdown', 'waiting', 'setup', 'planned-stop'])
const stopClassField = z.enum(['breakdown', 'waiting', 'setup', 'planned-stop'])
const tagField = z.string().min(1).optional()

const counterMaxField = z.partialRecord(z.enum(COUNTERS), z.number().positive())

/** The fields of an `oee` processor that say how OEE is counted. */
const oeeFields = {
  zone: z
    .string()
    .refine(isZone, { message: 'it is no time zone, want an IANA name such as "Europe/Berlin"' })
    .default('UTC')
    .describe('Time zone of shifts, days and hours: an IANA name'),
  shifts: z.array(shiftField).default([]).describe('Weekly pattern of planned time; none: all time is planned'),
  closed: z
    .array(z.string().regex(/^\d{4}-\d{2}-\d{2}$/))
    .default([])
    .describe('Dates on which no shift begins'),
  dayStart: clockField.default(0),
  breaks: z
    .enum(['excluded', 'loss'])
    .default('excluded')
    .describe('Breaks are taken out of planned busy time, or are a loss'),
  tags: z
    .strictObject({
      state: tagField.describe('PackML state or MachineryItemState: a name or a number'),
      running: tagField.describe('Whether the machine runs, where there is no state'),
      mode: tagField.describe('PackML unit mode or MachineryOperationMode'),
      total: tagField.describe('Counter of all items'),
      good: tagField.describe('Counter of good items'),
      scrap: tagField.describe('Counter of bad items'),
      rework: tagField.describe('Counter of items for rework'),
      product: tagField.describe('What is being made'),
      order: tagField.describe('The order that runs; empty or 0: none'),
      reason: tagField.describe('Reason code of a stop; empty or 0: none'),
    })
    .default({ state: 'state', total: 'cycles', scrap: 'scrap' })
    .describe('Which tag plays which role'),
  stateNumbers: z.enum(['isa-tr88', 'opc-30060']).default('isa-tr88').describe('How numbers of states are counted'),
  states: z
    .record(z.string(), stateClassField)
    .default({})
    .describe('What states mean, where it is not what the standard says'),
  idealCycle: durationField.optional().describe('Planned run time per item (PRI)'),
  products: z
    .record(z.string(), z.strictObject({ idealCycle: durationField }))
    .default({})
    .describe('PRI of products that have their own'),
  movedWithin: z
    .number()
    .min(1)
    .default(5)
    .describe('With only a counter: the machine stands if it has not moved for so many of the longest ideal cycles'),
  counterMax: counterMaxField
    .default({})
    .describe('Greatest values of counters that roll over; learned where not given'),
  microStop: durationField.default(0).describe('Shorter stops are performance loss'),
  stale: z
    .union([durationField, z.literal('never')])
    .default(600_000)
    .describe('Without any reading for so long: unknown'),
  lateness: durationField.default(60_000).describe('Readings may be so late'),
  revise: durationField.default(8 * 3_600_000).describe('So long after its end a period can be corrected'),
  reasons: z
    .record(z.string(), z.strictObject({ name: z.string().optional(), class: stopClassField.optional() }))
    .default({})
    .describe('What reason codes stand for'),
} as const

const lineField = z
  .strictObject({
    asset: z.string().min(1).describe('Path of the line below the site'),
    machines: z.array(z.string().min(1)).default([]).describe('Machines in the order in which items go through them'),
    bottleneck: z.string().min(1).optional().describe('Machine that gives the pace; default: the longest ideal cycle'),
    produced: z
      .enum(['bottleneck', 'last'])
      .default('bottleneck')
      .describe('Machine whose items are the produced quantity'),
  })
  .describe('The machines are a line: they stand in series')

const settingsConfig = z.strictObject(oeeFields)
type SettingsConfig = z.output<typeof settingsConfig>

/** How OEE is counted, alone; what is wrong between fields is an issue at the field that is to be changed. */
export const oeeSettings = settingsConfig.transform(settingsOf)

/** An `oee` processor. */
export const oeeSchema = z
  .strictObject({
    on: severalField.describe('Patterns of machines below the site: press-shop/line1/*'),
    line: z
      .union([
        z
          .string()
          .min(1)
          .transform((asset) => lineField.parse({ asset })),
        lineField,
      ])
      .optional()
      .describe('The machines are a line: its path, or more about it'),
    target: z.number().gt(0).max(1).optional().describe('OEE that is wanted, 0 to 1; shown beside what it is'),
    ...oeeFields,
  })
  .transform(({ on, line, target, ...settings }, context) => ({
    on,
    line,
    target,
    settings: settingsOf(settings, context),
  }))
export type OeeConfig = z.output<typeof oeeSchema>

function settingsOf(config: SettingsConfig, context: z.RefinementCtx): OeeSettings {
  checkTags(config, context)
  checkShifts(config.shifts, context)
  const { idealCycle, dayStart, movedWithin, microStop, stale, lateness, revise, products, tags, reasons, ...same } =
    config
  const own = Object.entries(products).map(([name, product]) => [name, { idealCycleMs: product.idealCycle }] as const)
  const longest = Math.max(idealCycle ?? 0, ...own.map(([, product]) => product.idealCycleMs))
  return {
    ...same,
    tags: defined(tags),
    reasons: Object.fromEntries(Object.entries(reasons).map(([code, reason]) => [code, defined(reason)])),
    dayStartMinute: dayStart,
    ...(idealCycle === undefined ? {} : { idealCycleMs: idealCycle }),
    products: Object.fromEntries(own),
    movedWithinMs: Math.ceil(movedWithin * longest),
    microStopMs: microStop,
    staleMs: stale === 'never' ? Infinity : stale,
    latenessMs: lateness,
    reviseMs: Math.max(revise, lateness),
  }
}

function checkTags({ tags, idealCycle, products }: SettingsConfig, context: z.RefinementCtx): void {
  const counts = tags.total ?? tags.good ?? tags.scrap
  if (tags.state === undefined && tags.running === undefined && counts === undefined) {
    const message = 'Cannot tell when the machine runs: it has none of state, running, total, good, scrap, want one'
    context.addIssue({ code: 'custom', path: ['tags'], message })
    return
  }
  const counterOnly = tags.state === undefined && tags.running === undefined
  if (counterOnly && idealCycle === undefined && Object.keys(products).length === 0) {
    const message = 'Cannot tell when the machine runs by its counter: idealCycle is missing, want the time per item'
    context.addIssue({ code: 'custom', path: ['idealCycle'], message })
  }
}

/** Shifts of one week must not share time; by the clock on the wall, as they are written. */
function checkShifts(shifts: readonly Shift[], context: z.RefinementCtx): void {
  const times = shifts.flatMap(({ name, fromMinute, toMinute, days }) =>
    days.map((day) => {
      const from = day * DAY_MINUTES + fromMinute
      return { name, from, to: from + ((toMinute - fromMinute + DAY_MINUTES - 1) % DAY_MINUTES) + 1 }
    }),
  )
  const inOrder = times.sort((a, b) => a.from - b.from)
  const week = 7 * DAY_MINUTES
  for (const [index, shift] of inOrder.entries()) {
    const next = inOrder[index + 1] ?? { ...inOrder[0]!, from: inOrder[0]!.from + week }
    if (next.from >= shift.to) continue
    const message = `Cannot plan shift "${next.name}": it begins before "${shift.name}" has ended, want one after the other`
    context.addIssue({ code: 'custom', path: ['shifts'], message })
    return
  }
}

type Defined<T> = { [key in keyof T]: Exclude<T[key], undefined> }

function defined<T extends object>(given: T): Defined<T> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Defined<T>
}
