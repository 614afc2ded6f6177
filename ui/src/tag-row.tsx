import { useMemo } from 'preact/hooks'
import type { DesiredView } from '../../src/api/contract-commands.ts'
import type { TagView } from '../../src/api/contract.ts'
import { desiredText } from './command-words.ts'
import type { Deviation } from './deviations.ts'
import { digitsFor, numberText, qualityText, unitText, valueText } from './format.ts'
import { isDrawn } from './history-series.ts'
import { Age, Mark } from './marks.tsx'
import type { Store } from './store.ts'
import { isWaiting, measuredAt, tagState } from './tag.ts'
import { trendPath, type Point } from './trend.ts'

interface TagRowProps {
  readonly store: Store
  readonly tag: TagView
  /** By the hub's word, or because the hub cannot be heard. */
  readonly stale: boolean
  readonly points: readonly Point[]
  /** What an alarm says of it. */
  readonly unusual: Deviation | undefined
  /** What it is to be, by the last command. */
  readonly desired: DesiredView | undefined
  /** Somebody wants to see it over time. */
  readonly onTrend: () => void
}

/** Texts of more characters take the room of range and trend too. */
const WIDE = 16

export function TagRow({ store, tag, stale, points, unusual, desired, onTrend }: TagRowProps) {
  const seen = useMemo(() => points.map((point) => point.value), [points])
  const digits = digitsFor(tag, seen.concat(numberIn(tag)))
  const text = valueText(tag.value, digits)
  const isWide = typeof tag.value !== 'number' && text.length > WIDE
  const state = tagState(tag, stale)
  return (
    <div
      class="tag"
      role="row"
      data-tag={tag.tag}
      data-state={state}
      data-stale={stale}
      data-ranged={tag.range !== undefined}
      data-wide={isWide}
    >
      <span class="tag-name" role="rowheader">
        {tag.tag}
        {desired && <Desired store={store} desired={desired} digits={digits} />}
      </span>
      <span class="tag-value" role="cell">
        <span class={typeof tag.value === 'number' ? 'value num' : 'value text'} data-value title={text}>
          {text}
        </span>
        <span class="unit">{unitText(tag.unit)}</span>
      </span>
      <span class="tag-range" role="cell">
        {tag.range !== undefined && typeof tag.value === 'number' && (
          <RangeBar value={tag.value} range={tag.range} digits={digits} />
        )}
      </span>
      <span class="tag-trend" role="cell">
        {isDrawn(tag) && (
          <button type="button" aria-label={`Trend of ${tag.tag}`} onClick={onTrend}>
            {points.length > 1 ? <Sparkline points={points} /> : <span class="trend-word">trend</span>}
          </button>
        )}
        {unusual && <Unusual store={store} deviation={unusual} digits={digits} />}
      </span>
      <span class="tag-quality" role="cell">
        <QualityWord tag={tag} />
        {stale && !isWaiting(tag) && (
          <span class="count stale-word" data-state="stale">
            <Mark state="stale" /> stale
          </span>
        )}
      </span>
      <span class="tag-age" role="cell">
        <Age store={store} at={measuredAt(tag)} />
      </span>
    </div>
  )
}

interface DesiredProps {
  readonly store: Store
  readonly desired: DesiredView
  readonly digits: number
}

/** What a tag is to be, as long as it is not. */
function Desired({ store, desired, digits }: DesiredProps) {
  const said = desiredText(desired)
  if (said === undefined) return null
  return (
    <span class="count tag-desired" data-state={said.mark} data-desired={desired.state}>
      <Mark state={said.mark} /> <span class="num">{valueText(desired.value, digits)}</span> {said.text}{' '}
      <Age store={store} at={desired.differsSince ?? desired.since} />
    </span>
  )
}

interface UnusualProps {
  readonly store: Store
  readonly deviation: Deviation
  readonly digits: number
}

/** How far a tag is from what it usually is, and since when, in words beside its trend. */
function Unusual({ store, deviation: { low, high, since }, digits }: UnusualProps) {
  return (
    <span class="count unusual" data-state="uncertain">
      <Mark state="uncertain" />
      <span class="num">
        usually {numberText(low, digits)} to {numberText(high, digits)}
        {since !== undefined && (
          <>
            {', unusual for '}
            <Age store={store} at={since} />
          </>
        )}
      </span>
    </span>
  )
}

function QualityWord({ tag }: { readonly tag: TagView }) {
  if (isWaiting(tag)) return <span class="muted">No value yet</span>
  if (tag.severity === 'good') return <span class="muted">{qualityText(tag.qualityName)}</span>
  return (
    <span class="count" data-state={tag.severity}>
      <Mark state={tag.severity} /> {qualityText(tag.qualityName)}
    </span>
  )
}

function numberIn(tag: TagView): number[] {
  return typeof tag.value === 'number' ? [tag.value] : []
}

interface RangeBarProps {
  readonly value: number
  readonly range: readonly [number, number]
  readonly digits: number
}

/** The value in its context: where it is between the lowest and the highest that make sense. */
function RangeBar({ value, range: [low, high], digits }: RangeBarProps) {
  const share = high > low ? (value - low) / (high - low) : 0.5
  const outside = share < 0 ? 'below' : share > 1 ? 'above' : undefined
  const ends = Math.min(digits, Number.isInteger(low) && Number.isInteger(high) ? 0 : digits)
  return (
    <span class="range" data-outside={outside}>
      <span class="range-track">
        <span class="range-mark" style={{ left: `${Math.min(1, Math.max(0, share)) * 100}%` }} />
      </span>
      <span class="range-ends num">
        <span>{numberText(low, ends)}</span>
        {outside && <span class="range-word">{outside} range</span>}
        <span>{numberText(high, ends)}</span>
      </span>
    </span>
  )
}

const SPARK = { width: 120, height: 22 } as const

function Sparkline({ points }: { readonly points: readonly Point[] }) {
  const path = useMemo(() => trendPath(points, SPARK.width, SPARK.height), [points])
  const seconds = Math.round((points.at(-1)!.at - points[0]!.at) / 1000)
  return (
    <svg
      class="spark"
      viewBox={`-2 -3 ${SPARK.width + 4} ${SPARK.height + 6}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`the last ${seconds} s`}
    >
      <path d={path} vector-effect="non-scaling-stroke" />
    </svg>
  )
}
