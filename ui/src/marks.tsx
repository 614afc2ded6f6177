import { ageText } from './format.ts'
import { useSeconds } from './hooks.ts'
import type { Store } from './store.ts'
import { totalOf, type Counts, type State } from './tree.ts'

/** Colour is never alone: each state has its own shape, and its word beside it or as its title. */
export const STATE_WORDS: { readonly [state in State]: string } = {
  good: 'good',
  uncertain: 'uncertain',
  stale: 'stale',
  bad: 'bad',
}

export function Mark({ state, label }: { readonly state: State; readonly label?: string }) {
  return (
    <svg
      class="mark"
      data-state={state}
      viewBox="0 0 12 12"
      width="12"
      height="12"
      role={label === undefined ? undefined : 'img'}
      aria-hidden={label === undefined}
      aria-label={label}
    >
      <path d={SHAPES[state]} />
    </svg>
  )
}

/** Good is a small ring, doubt a triangle, stale a broken ring, bad a full square. */
const SHAPES: { readonly [state in State]: string } = {
  good: 'M9 6A3 3 0 1 1 3 6A3 3 0 1 1 9 6',
  uncertain: 'M6 1 11.5 11H.5Z',
  stale: 'M10.5 6A4.5 4.5 0 1 1 1.5 6A4.5 4.5 0 1 1 10.5 6',
  bad: 'M1 1H11V11H1Z',
}

/** How old something is, by the hub's clock; draws itself again every second. */
export function Age({ store, at }: { readonly store: Store; readonly at: number | undefined }) {
  useSeconds()
  if (at === undefined) return <span class="age num">never</span>
  return (
    <time class="age num" dateTime={isoTime(at)} title={new Date(at).toLocaleString()}>
      {ageText(store.now() - at)}
    </time>
  )
}

/** Machines send any number as their time, also one that no calendar has. */
function isoTime(at: number): string | undefined {
  const date = new Date(at)
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString()
}

/** How many assets are how: a bar of shares and the abnormal ones in words. */
export function CountsLine({ counts }: { readonly counts: Counts }) {
  const total = totalOf(counts)
  const abnormal = (['bad', 'stale', 'uncertain'] as const).filter((state) => counts[state] > 0)
  return (
    <div class="counts">
      <span class="num">
        {total} {total === 1 ? 'asset' : 'assets'}
      </span>
      {abnormal.map((state) => (
        <span key={state} class="count" data-state={state}>
          <Mark state={state} />
          <span class="num">{counts[state]}</span> {STATE_WORDS[state]}
        </span>
      ))}
      {abnormal.length === 0 && total > 0 && <span class="count calm">all good</span>}
    </div>
  )
}
