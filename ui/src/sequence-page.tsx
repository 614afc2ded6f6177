import { useMemo } from 'preact/hooks'
import type { AlarmsView, AlarmView, EventsView, ValuesView } from '../../src/api/contract.ts'
import { useAnswer } from './answer.ts'
import { Crumbs } from './crumbs.tsx'
import { useSeconds } from './hooks.ts'
import { Problem } from './log-page.tsx'
import { Mark } from './marks.tsx'
import type { PageProps } from './pages.tsx'
import { placeHref } from './route.ts'
import { linesOf, type Line } from './sequence.ts'
import type { Store } from './store.ts'
import { TracksView } from './tracks-view.tsx'

const EVERY_MS = 2_000

/** Parts on their way to lines, just in sequence: what was planned against what came, and what is to be done. */
export function SequencePage({ store, path }: PageProps) {
  const on = encodeURIComponent(path === '' ? '**' : `${path}/**`)
  const planned = useAnswer<EventsView>(`/api/v1/events?type=sequence.planned&asset=${on}&limit=100`, EVERY_MS)
  const seen = useAnswer<EventsView>('/api/v1/events?type=sequence.seen&limit=1000', EVERY_MS)
  const alarms = useAnswer<AlarmsView>('/api/v1/alarms?limit=500', EVERY_MS)
  const values = useAnswer<ValuesView>(`/api/v1/values?on=${on}&tags=deviations,*.position,*.buffer`, EVERY_MS)
  const lines = useMemo(
    () => linesOf(planned.value?.events ?? [], seen.value?.events ?? [], alarms.value?.alarms ?? [], values.value),
    [planned.value, seen.value, alarms.value, values.value],
  )
  return (
    <section class="sequence" aria-labelledby="sequence-title">
      {path !== '' && <Crumbs path={path} />}
      <h1 id="sequence-title">Sequence</h1>
      <Problem text={planned.problem} />
      {planned.value !== undefined && lines.length === 0 && (
        <p class="hint">
          No sequence is planned here. A processor <span class="path">sequence</span> takes plans from events{' '}
          <span class="path">sequence.planned</span> of a line.
        </p>
      )}
      {lines.map((line) => (
        <LineCard key={line.path} store={store} line={line} />
      ))}
    </section>
  )
}

function LineCard({ store, line }: { readonly store: Store; readonly line: Line }) {
  return (
    <section class="card line-card" aria-label={line.path} data-line={line.path}>
      <header class="source-head">
        <h2>
          <a href={placeHref(line.path)}>{line.path.split('/').slice(2).join(' / ')}</a>
        </h2>
        <span class="muted num">
          {line.deviations.length === 0 ? 'all in sequence' : `${line.deviations.length} deviate`}
        </span>
      </header>
      <Deviations store={store} deviations={line.deviations} />
      {line.checkpoints.map((checkpoint) => (
        <TracksView
          key={checkpoint.path}
          title={checkpoint.path.split('/').slice(2).join(' / ')}
          tracks={checkpoint.tracks}
        />
      ))}
      {line.checkpoints.length === 0 && <p class="hint">No checkpoint has seen a part of this plan.</p>}
      <Checkpoints line={line} />
    </section>
  )
}

/** What the processor says of each checkpoint, also of those whose readers write tags instead of events. */
function Checkpoints({ line: { figures } }: { readonly line: Line }) {
  if (figures.length === 0) return null
  return (
    <dl class="line-figures">
      {figures.map(({ name, position, buffer }) => (
        <div key={name} class="fact">
          <dt>{name}</dt>
          <dd class="num">
            {position === undefined ? '–' : `at ${position}`}
            {buffer !== undefined && <span class="muted">, {buffer} parts to the next</span>}
          </dd>
        </div>
      ))}
    </dl>
  )
}

function Deviations({ store, deviations }: { readonly store: Store; readonly deviations: Line['deviations'] }) {
  useSeconds()
  if (deviations.length === 0) return null
  return (
    <ul class="deviations">
      {deviations.map(({ alarm, order, kind, due }) => (
        <li key={alarm.alarm} class="deviation" data-order={order} data-class={kind}>
          <span class="count" data-state={stateOf(alarm)}>
            <Mark state={stateOf(alarm)} /> {kind}
          </span>
          <span class="path">{order}</span>
          <span class="deviation-due num" data-state={stateOf(alarm)}>
            {dueText(due, store.now())}
          </span>
          <span class="deviation-says">{alarm.message}</span>
        </li>
      ))}
    </ul>
  )
}

function stateOf({ priority }: AlarmView): 'bad' | 'uncertain' {
  return priority === 'critical' || priority === 'high' ? 'bad' : 'uncertain'
}

function dueText(due: number | undefined, now: number): string {
  if (due === undefined) return ''
  const seconds = Math.round((due - now) / 1000)
  if (seconds <= 0) return 'at the line now'
  return seconds < 100 ? `at the line in ${seconds} s` : `at the line in ${Math.round(seconds / 60)} min`
}
