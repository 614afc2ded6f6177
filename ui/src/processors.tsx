import type { ProcessorView } from '../../src/api/contract.ts'
import { Fact } from './fact.tsx'
import { numberText } from './format.ts'
import { Age, Mark } from './marks.tsx'
import { SOURCE_STATES } from './source-states.ts'
import type { Store } from './store.ts'

/** What derives from the log: how each processor is, and what it could not take. */
export function Processors({ store }: { readonly store: Store }) {
  const { processors = [] } = store
  if (processors.length === 0) return null
  return (
    <section aria-labelledby="processors-title">
      <h2 id="processors-title" class="section-title">
        Processors
      </h2>
      <ul class="sources">
        {processors.map((processor) => (
          <li key={processor.name}>
            <ProcessorCard store={store} processor={processor} />
          </li>
        ))}
      </ul>
    </section>
  )
}

function ProcessorCard({ store, processor }: { readonly store: Store; readonly processor: ProcessorView }) {
  const { name, kind, reason, facts, faults, lastData, tasks } = processor
  const lost = !store.isLive
  const state = lost ? 'stale' : SOURCE_STATES[processor.state]
  return (
    <article class="card source" data-processor={name} data-state={state}>
      <header class="source-head">
        <h2>{name}</h2>
        <span class="muted">{kind}</span>
        <span class="count source-state" data-state={state}>
          <Mark state={state} /> {lost ? `was ${processor.state}` : processor.state}
        </span>
      </header>
      <p class="source-reason">{reason}</p>
      <dl class="source-facts">
        <Fact name="Last fact">{lastData === undefined ? 'never' : <Age store={store} at={lastData} />}</Fact>
        <Fact name="Facts">
          <span class="num">{numberText(facts, 0)}</span>
        </Fact>
        <Fact name="Tasks here">
          <span class="num">
            {tasks.here} of {tasks.all}
          </span>
        </Fact>
      </dl>
      {faults > 0 && (
        <p class="count" data-state="bad">
          <Mark state="bad" /> {numberText(faults, 0)} facts could not be taken: see the log of the hub
        </p>
      )}
    </article>
  )
}
