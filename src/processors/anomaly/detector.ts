import type { Json } from '../../model/json-value.ts'
import { newGate, passGate, type Gate } from './episode.ts'
import { explain, type Deviation } from './explain.ts'
import { followMeans, judgeRow, newVerdict, periodRule, trainModel, type Model, type Verdict } from './model.ts'
import { DEFAULT_SETTINGS, type AnomalySettings } from './settings.ts'
import { observe, returnPeriod, type TailRule } from './tail.ts'

/** What one row is. */
export interface Judgement {
  /** 0: usual; 1 - 1/n: as unusual as one row in n. 0 while the machine is being learned. */
  readonly score: number
  /** The machine is being learned. */
  readonly warmingUp: boolean
  /** An episode is under way. */
  readonly active: boolean
  /** Only on the row an episode begins with: the one alarm. */
  readonly begins?: Episode
  /** On a later row of the episode: it is much rarer than was told, and this is what it is like now. */
  readonly worsens?: Episode
  /** Only on the row it is known to be over; `asNormal`: it has lasted so long that it is the new normal. */
  readonly ends?: { readonly asNormal: boolean }
}

export interface Episode {
  /** Time of the row that it is told of, and when the machine left the usual; ms since the epoch. */
  readonly start: number
  readonly since: number
  readonly score: number
  /** The most unusual tag first. */
  readonly deviations: readonly Deviation[]
}

/** Fewer rows teach nothing; more are not kept. */
export const MIN_WARM_UP_ROWS = 50
export const MAX_WARM_UP_ROWS = 4096
/** Fewer rows per alarm are not alarms. */
export const MIN_ROWS_PER_ALARM = 50
const VERSION = 1

interface State {
  version: number
  settings: AnomalySettings
  /** Tags in the order they were first seen. */
  columns: string[]
  /** Rows being learned from; null: no value. */
  warmUp: (number | null)[][]
  warmUpStart: number
  lastTime: number | null
  /** Time between rows during the warm-up, summed. */
  elapsed: number
  intervals: number
  rowsPerAlarm: number
  /** Rows judged or learned from. */
  experience: number
  model: Model | null
  gate: Gate
}

/**
 * Learns one machine's normal behaviour from its own rows, without labels, and says how rare each row is.
 *
 * Pure: what it answers depends on the rows and settings alone. State is bounded: the warm-up (400 rows of numbers by
 * default, kept while the machine is learned and again while a long episode lasts), then about 700 numbers a tag, plus
 * one per tag and principal component. It is plain data, saved and restored as JSON with identical continuation.
 */
export class AnomalyDetector {
  readonly #state: State
  readonly #rule: () => TailRule
  #verdict: Verdict
  #row: number[] = []

  constructor(settings: AnomalySettings = DEFAULT_SETTINGS) {
    this.#state = {
      version: VERSION,
      settings,
      columns: [],
      warmUp: [],
      warmUpStart: 0,
      lastTime: null,
      elapsed: 0,
      intervals: 0,
      rowsPerAlarm: 0,
      experience: 0,
      model: null,
      gate: newGate(),
    }
    this.#verdict = newVerdict(0)
    let rule: TailRule | undefined
    this.#rule = () => (rule ??= periodRule(this.#state.rowsPerAlarm))
  }

  /** The detector that `save` was called on. */
  static restore(saved: Json): AnomalyDetector {
    const state = structuredClone(saved) as unknown as State
    if (state.version !== VERSION)
      throw new Error(`Cannot restore anomaly detector: state is version ${state.version}, want ${VERSION}`)
    const detector = new AnomalyDetector(state.settings)
    Object.assign(detector.#state, state)
    if (state.model !== null) detector.#verdict = newVerdict(state.model.tags.length)
    return detector
  }

  /** Tags that it learns from, or has learned, in the order they were first seen. */
  get tags(): readonly string[] {
    return this.#state.columns
  }

  /** It still learns, and takes further tags. */
  get warmingUp(): boolean {
    return this.#state.model === null
  }

  save(): Json {
    return structuredClone(this.#state) as unknown as Json
  }

  /**
   * Takes the next row: values by tag, measured together at `time` (ms since the epoch). A tag may be absent, or NaN
   * when its value is bad. Tags that first appear after the warm-up are ignored until the machine is learned anew.
   */
  row(time: number, values: { readonly [tag: string]: number }): Judgement {
    const state = this.#state
    if (state.model === null) return this.#warmUp(time, values)
    const row = this.#row
    for (let i = 0; i < state.columns.length; i++) row[i] = valueOf(values, state.columns[i]!)
    row.length = state.columns.length
    state.experience += 1
    return this.#judge(state.model, time, row)
  }

  #warmUp(time: number, values: { readonly [tag: string]: number }): Judgement {
    const state = this.#state
    for (const tag of Object.keys(values))
      if (Number.isFinite(values[tag]) && !state.columns.includes(tag)) state.columns.push(tag)
    if (state.warmUp.length === 0) state.warmUpStart = time
    else if (state.lastTime !== null && time > state.lastTime) {
      state.elapsed += time - state.lastTime
      state.intervals += 1
    }
    state.lastTime = time
    keep(
      state.warmUp,
      state.columns.map((tag) => valueOf(values, tag)),
    )
    state.experience += 1
    if (isWarm(state, time)) this.#learn()
    return { score: 0, warmingUp: true, active: false }
  }

  #learn(): void {
    const state = this.#state
    const { falseAlarms } = state.settings
    if (state.rowsPerAlarm === 0) {
      const interval = state.elapsed / Math.max(1, state.intervals)
      const rows = 'rows' in falseAlarms ? falseAlarms.rows : falseAlarms.ms / Math.max(1, interval)
      state.rowsPerAlarm = Math.max(MIN_ROWS_PER_ALARM, rows)
    }
    const model = trainModel(filled(state.warmUp, state.columns.length), this.#rule())
    if (state.model !== null) carryOver(state.model, model)
    state.model = model
    state.warmUp = []
    this.#verdict = newVerdict(state.columns.length)
  }

  #judge(model: Model, time: number, row: number[]): Judgement {
    const state = this.#state
    const { gate, rowsPerAlarm } = state
    if (gate.active) {
      gate.rows += 1
      if (this.#isNewNormal(row)) return { score: 0, warmingUp: false, active: false, ends: { asNormal: true } }
    }
    const verdict = this.#verdict
    const rule = this.#rule()
    const moment = {
      time,
      experience: state.experience,
      observes: true,
      moves: !gate.active,
      episodeRows: gate.active ? gate.rows : 0,
    }
    judgeRow(model, row, moment, rule, verdict)
    const period = returnPeriod(model.tail, rule, verdict.rarest)
    const lasting = returnPeriod(model.tail, rule, verdict.lasting)
    const rarity = { rarest: verdict.rarest, limit: model.tail.limit, period, lasting }
    observe(model.tail, rule, verdict.rarest, moment.moves)
    const passed = passGate(gate, rarity, rowsPerAlarm, time)
    const score = 1 - 1 / period
    if (!gate.active) {
      state.warmUp = []
      followMeans(model, row)
    }
    const judgement = { score, warmingUp: false, active: gate.active }
    if (passed === undefined) return judgement
    if (passed === 'ends') return { ...judgement, ends: { asNormal: false } }
    const deviations = explain(model, verdict, state.columns)
    return { ...judgement, [passed]: { start: time, since: gate.onset ?? time, score, deviations } satisfies Episode }
  }

  /** An episode twice as long as the warm-up is how the machine is now: its later half is learned. */
  #isNewNormal(row: readonly number[]): boolean {
    const state = this.#state
    const rows = this.#warmUpRows()
    if (state.gate.rows > rows) keep(state.warmUp, row)
    if (state.warmUp.length < rows) return false
    this.#learn()
    state.gate = newGate()
    return true
  }

  #warmUpRows(): number {
    const { warmUp } = this.#state.settings
    if ('rows' in warmUp) return clamp(warmUp.rows)
    const interval = this.#state.elapsed / Math.max(1, this.#state.intervals)
    return clamp(Math.ceil(warmUp.ms / Math.max(1, interval)))
  }
}

function clamp(rows: number): number {
  return Math.min(MAX_WARM_UP_ROWS, Math.max(MIN_WARM_UP_ROWS, rows))
}

function isWarm(state: State, time: number): boolean {
  const { warmUp } = state.settings
  const rows = state.warmUp.length
  if (state.columns.length === 0) return false
  if ('rows' in warmUp) return rows >= clamp(warmUp.rows)
  return rows >= MAX_WARM_UP_ROWS || (rows >= MIN_WARM_UP_ROWS && time - state.warmUpStart >= warmUp.ms)
}

function valueOf(values: { readonly [tag: string]: number }, tag: string): number {
  if (!Object.hasOwn(values, tag)) return Number.NaN
  const value = values[tag]!
  return Number.isFinite(value) ? value : Number.NaN
}

function keep(rows: (number | null)[][], row: readonly number[]): void {
  rows.push(row.map((value) => (Number.isNaN(value) ? null : value)))
}

/** Values hold until the next; before the first, that one. */
function filled(rows: readonly (readonly (number | null)[])[], columns: number): number[][] {
  const held = Array.from({ length: columns }, (_, tag) => rows.find((row) => (row[tag] ?? null) !== null)?.[tag] ?? 0)
  return rows.map((row) => held.map((last, tag) => (held[tag] = row[tag] ?? last)))
}

/** What outlives learning anew: how rare things are on this machine, and its days. */
function carryOver(before: Model, after: Model): void {
  after.tail = before.tail
  before.tags.forEach((tag, i) => (after.tags[i]!.season = tag.season))
}
