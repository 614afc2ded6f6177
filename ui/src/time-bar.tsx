import { useEffect, useState } from 'preact/hooks'
import { ageText } from './format.ts'
import { withMoment } from './moment.ts'
import { MomentInput } from './span-controls.tsx'
import type { Store } from './store.ts'
import type { Travel } from './travel.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** How far back the slider goes. */
const SPANS = [
  { ms: HOUR_MS, text: '1 h' },
  { ms: DAY_MS, text: '1 day' },
  { ms: 7 * DAY_MS, text: '7 days' },
  { ms: 30 * DAY_MS, text: '30 days' },
  { ms: 365 * DAY_MS, text: '1 year' },
] as const

const STEPS = [
  { ms: -HOUR_MS, text: '\u22121 h' },
  { ms: -MINUTE_MS, text: '\u22121 min' },
  { ms: MINUTE_MS, text: '+1 min' },
  { ms: HOUR_MS, text: '+1 h' },
] as const

/** Steps of the slider over the whole of its span. */
const NOTCHES = 1_440

interface TimeBarProps {
  readonly store: Store
  readonly travel: Travel
}

/** Says that the page shows the past, and which; leads to other moments, and back to the present. */
export function TimeBar({ store, travel }: TimeBarProps) {
  const { at } = travel
  const now = store.hubNow()
  const [span, setSpan] = useState<number>(() => SPANS.find(({ ms }) => now - at <= ms)?.ms ?? SPANS.at(-1)!.ms)
  const [dragged, setDragged] = useState<number>()
  useEffect(() => setDragged(undefined), [at])
  const shown = dragged ?? at
  const reach = Math.max(span, now - at)
  return (
    <div class="time-bar" role="region" aria-label="The past" data-problem={travel.problem !== undefined}>
      <p class="time-bar-word">
        <strong>As it was</strong>{' '}
        <span class="num" data-moment={at}>
          {new Date(shown).toLocaleString()}
        </span>{' '}
        <span class="muted num">{ageText(now - shown)} ago</span>
        {travel.isLoading && <span class="muted"> loading</span>}
      </p>
      <input
        class="time-slider"
        type="range"
        aria-label="Moment"
        min={now - reach}
        max={now}
        step={Math.max(1_000, Math.round(reach / NOTCHES))}
        value={shown}
        onInput={({ currentTarget }) => setDragged(Number(currentTarget.value))}
        onChange={({ currentTarget }) => goTo(store, Number(currentTarget.value))}
      />
      <div class="time-bar-controls">
        <select aria-label="Reach" value={span} onChange={({ currentTarget }) => setSpan(Number(currentTarget.value))}>
          {SPANS.map(({ ms, text }) => (
            <option key={ms} value={ms}>
              {text}
            </option>
          ))}
        </select>
        {STEPS.map(({ ms, text }) => (
          <button key={text} class="button num" type="button" onClick={() => goTo(store, at + ms)}>
            {text}
          </button>
        ))}
        <MomentInput name="Date and time" time={at} onTime={(time) => goTo(store, time)} />
        <button class="button primary" type="button" onClick={() => backToNow(store)}>
          Back to now
        </button>
      </div>
      {travel.problem !== undefined && (
        <p class="time-bar-problem" role="alert">
          {travel.problem}
        </p>
      )}
    </div>
  )
}

/** Shows the page as it was at a time; what is not over yet is the present. */
export function goTo(store: Store, time: number): void {
  const at = Math.floor(time)
  if (!Number.isFinite(at)) return
  if (at >= store.hubNow()) return backToNow(store)
  location.hash = withMoment(location.hash, at)
}

function backToNow(store: Store): void {
  store.travelTo(undefined)
  location.hash = withMoment(location.hash, undefined)
}
