import type { ConsumerView, HubView, TopicView } from '../../src/api/contract.ts'
import { useAnswer } from './answer.ts'
import { numberText, rateText } from './format.ts'
import { Mark } from './marks.tsx'
import { topicHref } from './route.ts'

const EVERY_MS = 2_000

/** The log itself: what kind it is, what topics it has, how fast they grow, and who is how far behind. */
export function LogPage({ log }: { readonly log: HubView['log'] | undefined }) {
  const topics = useAnswer<{ readonly topics: readonly TopicView[] }>('/api/v1/topics', EVERY_MS)
  const consumers = useAnswer<{ readonly consumers: readonly ConsumerView[] }>('/api/v1/consumers', EVERY_MS)
  return (
    <section class="log" aria-labelledby="log-title">
      <h1 id="log-title">Log</h1>
      {log?.kind === 'embedded' && <SingleNode />}
      <Problem text={topics.problem ?? consumers.problem} />
      {topics.value === undefined && topics.problem === undefined && <p class="hint">Asking the log.</p>}
      {topics.value && <Topics topics={topics.value.topics} />}
      {consumers.value && <Consumers consumers={consumers.value.consumers} />}
    </section>
  )
}

/** Who runs a plant on the embedded log is to know what a lost disk costs. */
function SingleNode() {
  return (
    <p class="hint log-nodes">Embedded log, a single node: no other broker has a copy of what is on this hub’s disk.</p>
  )
}

export function Problem({ text }: { readonly text: string | undefined }) {
  if (text === undefined) return null
  return (
    <p class="count" role="alert" data-state="bad">
      <Mark state="bad" /> {text}
    </p>
  )
}

function Topics({ topics }: { readonly topics: readonly TopicView[] }) {
  return (
    <section class="card" aria-labelledby="topics-title">
      <h2 id="topics-title">Topics</h2>
      <table class="figures">
        <thead>
          <tr>
            <th scope="col">Topic</th>
            <th scope="col" class="right">
              Records
            </th>
            <th scope="col" class="right">
              Records/s
            </th>
            <th scope="col" class="right wide">
              Partitions
            </th>
          </tr>
        </thead>
        <tbody>
          {topics.map((topic) => (
            <tr key={topic.name} data-topic={topic.name}>
              <th scope="row">
                <a class="path" href={topicHref(topic.name)}>
                  {topic.name}
                </a>
              </th>
              <td class="right num">{numberText(topic.records, 0)}</td>
              <td class="right num">{topic.rate === undefined ? '–' : rateText(topic.rate)}</td>
              <td class="right num wide">{topic.partitions.length}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function Consumers({ consumers }: { readonly consumers: readonly ConsumerView[] }) {
  return (
    <section class="card" aria-labelledby="consumers-title">
      <h2 id="consumers-title">Who reads it</h2>
      {consumers.length === 0 && <p class="hint">Nobody yet.</p>}
      <ul class="readers">
        {consumers.map((consumer) => (
          <li key={`${consumer.kind} ${consumer.name}`} data-consumer={consumer.name}>
            <Consumer consumer={consumer} />
          </li>
        ))}
      </ul>
    </section>
  )
}

function Consumer({ consumer }: { readonly consumer: ConsumerView }) {
  const { name, kind, state, members, lag, positions } = consumer
  return (
    <details class="reader">
      <summary>
        <span class="reader-name path">{name}</span>
        <span class="muted reader-kind">
          {kind === 'view' ? 'view of this hub' : groupText(state, members?.length ?? 0)}
        </span>
        <span class="num reader-lag">{lag === 0 ? 'at the end' : `${numberText(lag, 0)} behind`}</span>
      </summary>
      <table class="figures">
        <tbody>
          {positions.map(({ topic, partition, offset, lag: behind }) => (
            <tr key={`${topic}/${partition}`}>
              <th scope="row">
                <a class="path" href={topicHref(topic, { at: `${partition}:${offset}`, partition: String(partition) })}>
                  {topic}/{partition}
                </a>
              </th>
              <td class="right num">at {numberText(offset, 0)}</td>
              <td class="right num">{behind === 0 ? '–' : `${numberText(behind, 0)} behind`}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {members?.map((member) => (
        <p key={member.id} class="hint">
          <span class="path">{member.clientId}</span> at {member.host}
        </p>
      ))}
    </details>
  )
}

function groupText(state: string | undefined, members: number): string {
  const people = members === 1 ? '1 member' : `${members} members`
  return state === undefined ? `group, ${people}` : `group, ${people}, ${state.toLowerCase()}`
}
