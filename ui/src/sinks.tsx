import type { SinkView } from '../../src/api/contract.ts'
import { useAnswer } from './answer.ts'
import { Fact } from './fact.tsx'
import { numberText } from './format.ts'
import { Problem } from './log-page.tsx'
import { Age, Mark } from './marks.tsx'
import { SOURCE_STATES } from './source-states.ts'
import type { Store } from './store.ts'

const EVERY_MS = 2_000

/** What goes out by itself, whether the other side takes it, and what was let go. */
export function Sinks({ store }: { readonly store: Store }) {
  const { value, problem } = useAnswer<{ readonly sinks: readonly SinkView[] }>('/api/v1/sinks', EVERY_MS)
  if (value === undefined || value.sinks.length === 0) return null
  return (
    <section aria-labelledby="sinks-title">
      <h2 id="sinks-title" class="section-title">
        What goes out
      </h2>
      <Problem text={problem} />
      <ul class="sources">
        {value.sinks.map((sink) => (
          <li key={sink.name}>
            <SinkCard store={store} sink={sink} lost={!store.isLive || problem !== undefined} />
          </li>
        ))}
      </ul>
    </section>
  )
}

interface SinkCardProps {
  readonly store: Store
  readonly sink: SinkView
  readonly lost: boolean
}

function SinkCard({ store, sink, lost }: SinkCardProps) {
  const state = lost ? 'stale' : SOURCE_STATES[sink.state]
  const dropped = Object.entries(sink.dropped)
  const count = dropped.reduce((sum, [, each]) => sum + each, 0)
  return (
    <article class="card source" data-sink={sink.name} data-state={state}>
      <header class="source-head">
        <h2>{sink.name}</h2>
        <span class="muted">{sink.kind}</span>
        <span class="count source-state" data-state={state}>
          <Mark state={state} /> {lost ? `was ${sink.state}` : sink.state}
        </span>
      </header>
      <p class="source-reason">
        {sink.topics.join(', ')} to <span class="path">{sink.to}</span>: {sink.reason}
      </p>
      <dl class="source-facts">
        <Fact name="Delivered">
          <span class="num">{numberText(sink.delivered, 0)}</span>
        </Fact>
        <Fact name="Let go">
          <span class="num">
            {count > 0 && <Mark state="uncertain" />} {numberText(count, 0)}
          </span>
        </Fact>
        <Fact name="Last delivery">
          <Age store={store} at={sink.lastData} />
        </Fact>
      </dl>
      {dropped.length > 0 && (
        <p class="hint">
          Let go by policy: {dropped.map(([policy, each]) => `${policy} ${numberText(each, 0)}`).join(', ')}
        </p>
      )}
    </article>
  )
}
