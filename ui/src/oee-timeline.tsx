import type { OeeIntervalView, OeeTimelineView, OeeView } from '../../src/api/contract-oee.ts'
import { clockText } from './oee-period.tsx'
import { categoryText, lengthText, placeOfCause } from './oee-words.ts'
import { pageHref, topicHref } from './route.ts'

/** Kinds of time with their height in the line, so that colour is never alone; of 28 px. */
const HEIGHTS: { readonly [category: string]: number } = {
  running: 10,
  setup: 14,
  'micro-stop': 18,
  waiting: 22,
  break: 12,
  breakdown: 28,
  unknown: 28,
  'planned-stop': 4,
  unplanned: 4,
}

/** Of shorter times the axis shows seconds. */
const SECONDS_BELOW_MS = 8 * 60_000

interface Picked {
  readonly asset: string
  readonly interval: OeeIntervalView
}

interface OeeTimelinesProps {
  readonly view: OeeView
  readonly picked: Picked | undefined
  readonly onPick: (picked: Picked) => void
}

/** Where the time went, machine by machine; what is chosen is shown with the readings that made it. */
export function OeeTimelines({ view, picked, onPick }: OeeTimelinesProps) {
  const { period, timelines } = view
  const known = new Set(timelines.flatMap(({ intervals }) => intervals.map(({ category }) => category)))
  return (
    <section class="card oee-timelines" aria-labelledby="oee-timeline">
      <h2 id="oee-timeline">Where the time went</h2>
      <div class="oee-rows">
        {timelines.map((timeline) => (
          <Timeline
            key={timeline.asset}
            timeline={timeline}
            from={period.from}
            to={period.to}
            named={timelines.length > 1}
            picked={picked?.asset === timeline.asset ? picked.interval : undefined}
            onPick={(interval) => onPick({ asset: timeline.asset, interval })}
          />
        ))}
      </div>
      <Axis from={period.from} to={period.to} named={timelines.length > 1} />
      <ul class="oee-legend">
        {Object.keys(HEIGHTS)
          .filter((category) => known.has(category))
          .map((category) => (
            <li key={category}>
              <svg width="14" height="14" aria-hidden="true">
                <Block category={category} x={0} width={14} scale={0.5} />
              </svg>
              {categoryText(category)}
            </li>
          ))}
      </ul>
      {picked && <Detail picked={picked} />}
    </section>
  )
}

interface TimelineProps {
  readonly timeline: OeeTimelineView
  readonly from: number
  readonly to: number
  readonly named: boolean
  readonly picked: OeeIntervalView | undefined
  readonly onPick: (interval: OeeIntervalView) => void
}

function Timeline({ timeline, from, to, named, picked, onPick }: TimelineProps) {
  const { asset, intervals, coarse } = timeline
  const name = asset.split('/').at(-1)
  const at = (time: number) => ((time - from) / (to - from)) * 100
  const pickAt = (event: MouseEvent & { readonly currentTarget: SVGSVGElement }) => {
    const box = event.currentTarget.getBoundingClientRect()
    const time = from + ((event.clientX - box.left) / box.width) * (to - from)
    const found = nearest(intervals, time, ((to - from) / box.width) * 4)
    if (found) onPick(found)
  }
  const step = (event: KeyboardEvent) => {
    const move = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
    if (move === 0) return
    event.preventDefault()
    const index = picked === undefined ? -1 : intervals.findIndex((one) => one.from === picked.from)
    const next = intervals[Math.max(0, Math.min(intervals.length - 1, index + move))]
    if (next) onPick(next)
  }
  return (
    <div class="oee-row" data-timeline={asset} data-coarse={coarse}>
      {named && (
        <a class="oee-name" href={pageHref('oee', asset)}>
          {name}
        </a>
      )}
      <svg
        class="oee-line"
        width="100%"
        height="30"
        tabindex={0}
        role="group"
        aria-label={`Time of ${name}: arrow keys go from one part to the next`}
        onClick={pickAt}
        onKeyDown={step}
      >
        <Hatch />
        {intervals.map((interval) => (
          <Block
            key={interval.from}
            category={interval.category}
            x={at(interval.from)}
            width={at(interval.to) - at(interval.from)}
            unit="%"
          />
        ))}
        {picked && (
          <rect
            class="oee-picked"
            x={`${at(picked.from)}%`}
            y="0"
            width={`${at(picked.to) - at(picked.from)}%`}
            height="30"
          />
        )}
      </svg>
    </div>
  )
}

/** The part at a time; a short stop beside it is meant rather than the long run around it. */
function nearest(intervals: readonly OeeIntervalView[], time: number, reach: number): OeeIntervalView | undefined {
  const near = intervals.filter((interval) => interval.from <= time + reach && interval.to >= time - reach)
  const stop = near.filter(({ category }) => category !== 'running').sort((a, b) => a.to - a.from - (b.to - b.from))[0]
  return stop ?? near[0]
}

interface BlockProps {
  readonly category: string
  readonly x: number
  readonly width: number
  readonly unit?: '%' | ''
  readonly scale?: number
}

function Block({ category, x, width, unit = '', scale = 1 }: BlockProps) {
  const height = (HEIGHTS[category] ?? 16) * scale
  const y = 29 * scale - height
  return (
    <rect
      class="oee-block"
      data-category={category}
      x={`${x}${unit}`}
      y={Math.max(0, y)}
      width={`${width}${unit}`}
      height={height}
    />
  )
}

function Hatch() {
  return (
    <defs>
      <pattern id="oee-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <rect width="6" height="6" class="oee-hatch-ground" />
        <rect width="2" height="6" class="oee-hatch-line" />
      </pattern>
    </defs>
  )
}

function Axis({ from, to, named }: { readonly from: number; readonly to: number; readonly named: boolean }) {
  const times = [0, 1, 2, 3, 4].map((quarter) => from + ((to - from) * quarter) / 4)
  return (
    <div class="oee-axis num" data-named={named} aria-hidden="true">
      {times.map((time) => (
        <span key={time}>{clockText(time, from, to - from < SECONDS_BELOW_MS)}</span>
      ))}
    </div>
  )
}

/** A part of the time, and where the readings that made it lie in the log. */
function Detail({ picked: { asset, interval } }: { readonly picked: Picked }) {
  const { from, to, category, state, reason, order, product, first, last } = interval
  return (
    <div class="oee-detail" role="status">
      <p>
        <strong>{categoryText(category)}</strong> for <span class="num">{lengthText(to - from)}</span>,{' '}
        {asset.split('/').at(-1)} in {state}
        {reason !== undefined && <>, reason {reason}</>}
      </p>
      <p class="muted num">
        {new Date(from).toLocaleString()} to {new Date(to).toLocaleTimeString()}
        {order !== undefined && `, order ${order}`}
        {product !== undefined && `, product ${product}`}
      </p>
      <p>
        Made by <Reading cause={first} />
        {last !== first && (
          <>
            {' '}
            to <Reading cause={last} />
          </>
        )}
      </p>
    </div>
  )
}

function Reading({ cause }: { readonly cause: string }) {
  const place = placeOfCause(cause)
  if (place === undefined) return <span class="muted">no reading: nothing is on record</span>
  const { topic, at, partition } = place
  return (
    <a class="path" href={topicHref(topic, { at, partition })}>
      {topic} {at}
    </a>
  )
}
