import type { BookView, SourceView } from '../../src/api/contract.ts'
import { Fact } from './fact.tsx'
import { numberText, rateText } from './format.ts'
import { Hubs } from './hubs.tsx'
import { Age, Mark } from './marks.tsx'
import type { PageProps } from './pages.tsx'
import { Processors } from './processors.tsx'
import { Replications } from './replications.tsx'
import { Sinks } from './sinks.tsx'
import { SOURCE_STATES } from './source-states.ts'
import type { Store } from './store.ts'
import type { State } from './tree.ts'

const ORDER: readonly State[] = ['bad', 'stale', 'uncertain', 'good']

/** The sources: how each is, why, since when data came, and whether its books balance. */
export function ConnectionsPage({ store }: PageProps) {
  const { sources } = store
  const lost = !store.isLive
  const sorted = [...(sources ?? [])].sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1))
  return (
    <section class="connections" aria-labelledby="connections-title">
      <h1 id="connections-title">Connections</h1>
      {sources === undefined && <p class="hint">Asking the hub.</p>}
      {sources?.length === 0 && <p class="hint">No source is configured.</p>}
      <ul class="sources">
        {sorted.map((source) => (
          <li key={source.name}>
            <SourceCard store={store} source={source} lost={lost} />
          </li>
        ))}
      </ul>
      <Sinks store={store} />
      <Hubs store={store} />
      <Replications store={store} />
      <Processors store={store} />
    </section>
  )
}

function rank(source: SourceView): number {
  return ORDER.indexOf(SOURCE_STATES[source.state])
}

interface SourceCardProps {
  readonly store: Store
  readonly source: SourceView
  readonly lost: boolean
}

function SourceCard({ store, source, lost }: SourceCardProps) {
  const state = lost ? 'stale' : SOURCE_STATES[source.state]
  return (
    <article class="card source" data-source={source.name} data-state={state}>
      <header class="source-head">
        <h2>{source.name}</h2>
        <span class="muted">{source.kind}</span>
        <span class="count source-state" data-state={state}>
          <Mark state={state} /> {lost ? `was ${source.state}` : source.state}
        </span>
      </header>
      <p class="source-reason">{source.reason}</p>
      <dl class="source-facts">
        <Fact name="Last data">
          <Age store={store} at={source.lastData} />
        </Fact>
        <Fact name="Records/s">
          <span class="num">{rateText(source.rate)}</span>
        </Fact>
        <Fact name={`${source.state[0]!.toUpperCase()}${source.state.slice(1)} for`}>
          <Age store={store} at={source.since} />
        </Fact>
      </dl>
      <Book book={source.book} />
      <Parts parts={source.parts} />
    </article>
  )
}

/** received = stored + quarantined + dropped + unacknowledged + in flight: the books balance, or it says that they do not. */
function Book({ book }: { readonly book: BookView }) {
  const policies = Object.entries(book.droppedBy).map(([policy, count]) => `${policy} ${numberText(count, 0)}`)
  return (
    <div class="book" data-balanced={book.balanced}>
      <dl class="book-numbers">
        <BookNumber name="Received" count={book.received} />
        <BookNumber name="Stored" count={book.stored} />
        <BookNumber name="Quarantined" count={book.quarantined} abnormal />
        <BookNumber name="Dropped" count={book.dropped} title={policies.join(', ')} />
        {book.unacknowledged > 0 && <BookNumber name="Unacknowledged" count={book.unacknowledged} abnormal />}
        <BookNumber name="In flight" count={book.inFlight} />
      </dl>
      {book.balanced ? (
        <p class="book-verdict muted">
          <span aria-hidden="true">=</span> books balance
        </p>
      ) : (
        <p class="book-verdict count" data-state="bad">
          <Mark state="bad" /> books do not balance
        </p>
      )}
      {policies.length > 0 && <p class="hint">Dropped by policy: {policies.join(', ')}</p>}
    </div>
  )
}

interface BookNumberProps {
  readonly name: string
  readonly count: number
  readonly title?: string
  /** More than none of these is worth a look. */
  readonly abnormal?: boolean
}

function BookNumber({ name, count, title, abnormal = false }: BookNumberProps) {
  return (
    <div class="fact" title={title}>
      <dt>{name}</dt>
      <dd class="num">
        {abnormal && count > 0 && <Mark state="uncertain" />} {numberText(count, 0)}
      </dd>
    </div>
  )
}

function Parts({ parts }: { readonly parts: SourceView['parts'] }) {
  if (parts.length === 0) return null
  return (
    <details class="parts" open={parts.length <= 3}>
      <summary>
        {parts.length} {parts.length === 1 ? 'part is' : 'parts are'} ill
      </summary>
      <ul>
        {parts.map((part) => (
          <li key={part.name}>
            <span class="path">{part.name}</span> {part.reason}
          </li>
        ))}
      </ul>
    </details>
  )
}
