import { localText } from './local-text.ts'
import { ends, LAST_SPANS, moved, scaled, type Span } from './span.ts'

interface SpanControlsProps {
  readonly span: Span
  /** The newest moment that can be shown. */
  readonly now: number
  readonly onSpan: (span: Span) => void
}

/** Which time is shown: the last so long, or any; earlier, later, wider, narrower. */
export function SpanControls({ span, now, onSpan }: SpanControlsProps) {
  const { from, to } = ends(span, now)
  const go = (begin: number, end: number) => end > begin && onSpan({ from: begin, to: Math.min(end, now) })
  return (
    <div class="span-controls">
      <div class="span-last" role="group" aria-label="The last">
        {LAST_SPANS.map(({ ms, text }) => (
          <button
            key={ms}
            class="button"
            type="button"
            aria-pressed={'lastMs' in span && span.lastMs === ms}
            onClick={() => onSpan({ lastMs: ms })}
          >
            {text}
          </button>
        ))}
      </div>
      <div class="span-steps" role="group" aria-label="Other times">
        <button class="button" type="button" aria-label="Earlier" onClick={() => onSpan(moved(span, -0.5, now))}>
          ‹
        </button>
        <button class="button" type="button" aria-label="Later" onClick={() => onSpan(moved(span, 0.5, now))}>
          ›
        </button>
        <button class="button" type="button" aria-label="Narrower" onClick={() => onSpan(scaled(span, 0.5, now))}>
          +
        </button>
        <button class="button" type="button" aria-label="Wider" onClick={() => onSpan(scaled(span, 2, now))}>
          {'\u2212'}
        </button>
        <MomentInput name="From" time={from} onTime={(time) => go(time, to)} />
        <MomentInput name="To" time={to} onTime={(time) => go(from, time)} />
      </div>
    </div>
  )
}

interface MomentInputProps {
  readonly name: string
  readonly time: number
  readonly onTime: (time: number) => void
}

/** A moment to be typed, by the clock of whoever looks. */
export function MomentInput({ name, time, onTime }: MomentInputProps) {
  return (
    <input
      type="datetime-local"
      step="1"
      aria-label={name}
      value={localText(time, 'second')}
      onChange={({ currentTarget }) => {
        const chosen = Date.parse(currentTarget.value)
        if (Number.isFinite(chosen)) onTime(chosen)
      }}
    />
  )
}
