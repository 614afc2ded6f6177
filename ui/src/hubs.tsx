import type { HubEntry, HubsView } from '../../src/api/contract.ts'
import { useAnswer } from './answer.ts'
import { Age, Mark } from './marks.tsx'
import { SOURCE_STATES } from './source-states.ts'
import type { Store } from './store.ts'

const EVERY_MS = 5_000

/** The hubs that share this log, and which of them runs which source; nothing where there is only one. */
export function Hubs({ store }: { readonly store: Store }) {
  const { value, problem } = useAnswer<HubsView>('/api/v1/hubs', EVERY_MS)
  if (value === undefined || value.hubs.length < 2) return null
  return (
    <section class="card hubs" aria-labelledby="hubs-title">
      <h2 id="hubs-title">Hubs on this log</h2>
      {problem !== undefined && <p class="hint">{problem}; this is the past.</p>}
      <table class="figures">
        <thead>
          <tr>
            <th scope="col">Hub</th>
            <th scope="col">Sources</th>
            <th scope="col" class="right wide">
              Up for
            </th>
          </tr>
        </thead>
        <tbody>
          {value.hubs.map((hub) => (
            <tr key={hub.hub} data-hub={hub.hub}>
              <th scope="row">
                <HubName hub={hub} />
                {hub.here && <span class="muted"> this one</span>}
              </th>
              <td>
                <HeldSources hub={hub} />
              </td>
              <td class="right wide">
                <Age store={store} at={hub.since} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

/** The address comes out of the log, where others write too: only what leads to a page is a link. */
function HubName({ hub: { hub, here, page } }: { readonly hub: HubEntry }) {
  if (here) return <strong>{hub}</strong>
  return /^https?:\/\//.test(page) ? <a href={page}>{hub}</a> : <>{hub}</>
}

function HeldSources({ hub }: { readonly hub: HubEntry }) {
  if (hub.sources.length === 0) return <span class="muted">none</span>
  return (
    <ul class="held">
      {hub.sources.map(({ name, state, reason }) => (
        <li key={name} class="count" data-state={SOURCE_STATES[state]} title={reason}>
          <Mark state={SOURCE_STATES[state]} /> {name}
        </li>
      ))}
    </ul>
  )
}
