import type { BehindView, ReplicationView } from '../../src/api/contract.ts'
import { Fact } from './fact.tsx'
import { ageText, sizeText, numberText, rateText } from './format.ts'
import { Age, Mark } from './marks.tsx'
import type { Store } from './store.ts'
import type { State } from './tree.ts'

/** What each state of a replication means for the person in front of the page. */
const STATES: { readonly [state in ReplicationView['state']]: State } = {
  live: 'good',
  starting: 'good',
  stopped: 'good',
  behind: 'stale',
  down: 'bad',
  failed: 'bad',
}

/** The links to other logs: how far each is behind, and when it will have caught up. */
export function Replications({ store }: { readonly store: Store }) {
  const { replications = [] } = store
  if (replications.length === 0) return null
  return (
    <section aria-labelledby="replications-title">
      <h2 id="replications-title" class="section-title">
        Replication
      </h2>
      <ul class="sources">
        {replications.map((replication) => (
          <li key={replication.name}>
            <ReplicationCard store={store} replication={replication} />
          </li>
        ))}
      </ul>
    </section>
  )
}

interface ReplicationCardProps {
  readonly store: Store
  readonly replication: ReplicationView
}

function ReplicationCard({ store, replication }: ReplicationCardProps) {
  const { name, direction, address, reason, since, behind, topics, lost } = replication
  const lostTouch = !store.isLive
  const state = lostTouch ? 'stale' : STATES[replication.state]
  return (
    <article class="card source" data-replication={name} data-state={state}>
      <header class="source-head">
        <h2>{name}</h2>
        <span class="muted">{direction === 'up' ? `to ${address}` : `from ${address}`}</span>
        <span class="count source-state" data-state={state}>
          <Mark state={state} /> {lostTouch ? `was ${replication.state}` : replication.state}
        </span>
      </header>
      <p class="source-reason">{reason}</p>
      <dl class="source-facts">
        <Fact name="Behind">
          <span class="num">{behindText(behind)}</span>
        </Fact>
        <Fact name="Records/s">
          <span class="num">{rateText(replication.recordsPerSecond)}</span>
        </Fact>
        <Fact name="Caught up in">
          <span class="num">{replication.etaMs === undefined ? '–' : ageText(replication.etaMs)}</span>
        </Fact>
        <Fact name="Since">
          <Age store={store} at={since} />
        </Fact>
      </dl>
      {lost > 0 && (
        <p class="count" data-state="bad">
          <Mark state="bad" /> {numberText(lost, 0)} records were removed by retention before they were carried
        </p>
      )}
      <ul class="replicated">
        {topics.map((topic) => (
          <li key={topic.topic}>
            <span class="path">{topic.topic}</span> <span class="num muted">{behindText(topic.behind)}</span>
          </li>
        ))}
      </ul>
    </article>
  )
}

function behindText({ records, bytes, ms }: BehindView): string {
  if (records === 0) return 'nothing'
  return `${numberText(records, 0)} records, ${sizeText(bytes)}, ${ageText(ms)}`
}
