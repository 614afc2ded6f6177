import type { Expression } from '../../component/expression/expression.ts'
import type { Figure } from '../../component/operators/aggregates.ts'
import { heldAt, hold, type Held, type HeldValue } from '../../component/operators/held.ts'
import { expectOrder } from '../../component/operators/order.ts'
import { readingOf } from '../../component/operators/derived-reading.ts'
import { isUsable, rowOf, scalarOf } from '../../component/operators/row.ts'
import type { Operator, StepContext } from '../../component/topology.ts'
import type { AlarmPriority } from '../../model/alarm.ts'
import type { Json } from '../../model/json-value.ts'
import { Quality } from '../../model/quality.ts'
import { qualityOf, type Reading } from '../../model/reading.ts'
import { AnomalyDetector, type Episode, type Judgement } from './detector.ts'
import { detailOf, sayLearned, sayUnusual } from './message.ts'
import type { AnomalySettings } from './settings.ts'

export interface AnomalyOptions {
  /** The alarm's name, and the beginning of the tags: that of the processor. */
  readonly name: string
  /** Tags that are looked at; absent: all with numbers. */
  readonly tags?: readonly string[]
  /** Rows count only while this is true. */
  readonly when?: Expression
  readonly settings: AnomalySettings
  /** An asset with more tags is not learned. */
  readonly mostTags: number
  readonly priority: AlarmPriority
  /** Whether each row gives a derived reading. */
  readonly scores: boolean
}

interface State {
  time: number
  /** Last values of what `when` looks at. */
  readonly held: Held
  readonly detector: AnomalyDetector
  /** What is told of the episode under way. */
  episode: Episode | undefined
}

/**
 * Learns one asset, and says of each of its readings how rare it is. A reading with numbers is a row; a value that is Bad, or
 * no number, is none. Wants facts in order (`in-order`). While `when` is not true nothing is learned and nothing judged, and
 * an alarm that is up stays.
 */
export function anomalyOperator(options: AnomalyOptions): Operator<State> {
  return {
    create: () => newState(new AnomalyDetector(options.settings)),
    take(state, fact, context) {
      if (fact.kind !== 'reading') return
      expectOrder(state, context.time)
      if (!isWhen(options.when, state, fact.reading, context.time)) return
      const values = numbersOf(fact.reading, options, state.detector)
      if (values === undefined) return
      tell(options, state, state.detector.row(context.time, values), context)
    },
    save: ({ time, held, detector, episode }) =>
      [Number.isFinite(time) ? time : null, [...held], detector.save(), episode ?? null] as unknown as Json,
    restore(json) {
      const [time, held, detector, episode] = json as unknown as [
        number | null,
        [string, HeldValue][],
        Json,
        Episode | null,
      ]
      const state = newState(AnomalyDetector.restore(detector), new Map(held))
      state.time = time ?? -Infinity
      state.episode = episode ?? undefined
      return state
    },
  }
}

function newState(detector: AnomalyDetector, held: Held = new Map()): State {
  return { time: -Infinity, held, detector, episode: undefined }
}

/** Whether the asset is in the state in which rows count. Not known: it is not. */
function isWhen(when: Expression | undefined, state: State, reading: Reading, time: number): boolean {
  if (when === undefined) return true
  const row = rowOf(reading, time, when.tags)
  for (const cell of row?.cells ?? []) if (!isUsable(cell, false)) state.held.delete(cell[0])
  if (row !== undefined) hold(state.held, row, false)
  return when.evaluate({ get: (tag) => heldAt(state.held, tag, time, Infinity)?.value }) === true
}

/**
 * The numbers of a reading, NaN where a value cannot be used; undefined: it has none of a tag that is looked at.
 * @throws where the asset has more tags than can be kept
 */
function numbersOf(
  reading: Reading,
  { tags, mostTags }: AnomalyOptions,
  detector: AnomalyDetector,
): { readonly [tag: string]: number } | undefined {
  const known = new Set(detector.tags)
  const looked = tags ?? Object.keys(reading.values)
  const numbers: [string, number][] = []
  for (const tag of looked) {
    if (!Object.hasOwn(reading.values, tag)) continue
    const cell = scalarOf(tag, reading.values[tag]!, qualityOf(reading, tag))
    const number = isUsable(cell, false) && typeof cell[1] === 'number' ? cell[1] : Number.NaN
    if (known.has(tag)) numbers.push([tag, number])
    else if (detector.warmingUp && !Number.isNaN(number)) {
      known.add(tag)
      numbers.push([tag, number])
    }
  }
  if (known.size > mostTags)
    throw new Error(
      `Cannot learn "${reading.asset}": it has ${known.size} tags with numbers, want at most ${mostTags}; name them in "tags"`,
    )
  return numbers.length === 0 ? undefined : Object.fromEntries(numbers)
}

function tell(options: AnomalyOptions, state: State, judgement: Judgement, context: StepContext): void {
  const { name, priority, scores } = options
  const { begins, worsens, ends } = judgement
  if (scores) context.emit({ kind: 'reading', reading: readingOf(figuresOf(name, judgement), context.time, context) })
  const about = { asset: context.key, alarm: name, time: context.time }
  const episode = begins ?? worsens
  if (episode !== undefined) {
    state.episode = episode
    const action = begins === undefined ? 'update' : 'raise'
    const message = sayUnusual(context.key, episode)
    context.emit({ kind: 'alarm', alarm: { ...about, action, priority, message, detail: detailOf(episode) } })
  }
  if (ends !== undefined && state.episode !== undefined) {
    const detail = { ...detailOf(state.episode), asNormal: ends.asNormal }
    const message = ends.asNormal ? { message: sayLearned(context.key, state.episode) } : {}
    state.episode = undefined
    context.emit({ kind: 'alarm', alarm: { ...about, action: 'clear', ...message, detail } })
  }
}

/** What a row is; there is no score while the machine is learned. `active` is 0 or 1: derived records know no booleans. */
function figuresOf(name: string, { score, warmingUp, active }: Judgement): Figure[] {
  const known = { name: `${name}.score`, value: score, quality: Quality.Good }
  return [
    warmingUp ? { ...known, value: null, quality: Quality.BadWaitingForInitialData } : known,
    { name: `${name}.active`, value: active ? 1 : 0, quality: Quality.Good },
  ]
}
