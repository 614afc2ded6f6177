import { Age, CountsLine, Mark, STATE_WORDS } from './marks.tsx'
import { placeHref } from './route.ts'
import type { Store } from './store.ts'
import { abnormal, childrenOf, firstBranch, stateOf, totalOf, type Place } from './tree.ts'
import { Crumbs } from './crumbs.tsx'

/** Cards, and lines of the attention list, shown at most; the tree has all. */
const SHOWN = { cards: 200, attention: 12 } as const

/** A place that is no asset itself: what is wrong there first, then its parts as cards. */
export function PlacePage({ store, path }: { readonly store: Store; readonly path: string }) {
  const asked = store.tree.find(path)
  if (store.tree.size === 0) return <Empty store={store} />
  if (asked === undefined) return <Unknown path={path} />
  const place = path === '' ? firstBranch(asked) : asked
  return (
    <section class="place" aria-labelledby="place-title">
      <Crumbs path={path} />
      <h1 id="place-title">{path === '' ? 'Overview' : place.name}</h1>
      <CountsLine counts={place.counts} />
      <Attention store={store} place={place} />
      <PlaceCards store={store} place={place} />
    </section>
  )
}

/** What a person should look at, worst first. */
function Attention({ store, place }: { readonly store: Store; readonly place: Place }) {
  const found = abnormal(place, SHOWN.attention)
  const total = totalOf(place.counts) - place.counts.good
  if (total === 0) return null
  return (
    <section class="card attention" aria-labelledby="attention-title">
      <h2 id="attention-title">Needs attention</h2>
      <ul class="attention-list">
        {found.map((at) => (
          <li key={at.path}>
            <a class="attention-row" href={placeHref(at.path)} data-state={stateOf(at.asset!)}>
              <Mark state={stateOf(at.asset!)} />
              <span class="attention-word">{STATE_WORDS[stateOf(at.asset!)]}</span>
              <span class="attention-name">
                {at.name} <span class="muted">{at.path.split('/').slice(0, -1).join(' / ')}</span>
              </span>
              <Age store={store} at={at.asset!.lastReceived} />
            </a>
          </li>
        ))}
      </ul>
      {total > found.length && <p class="hint">and {total - found.length} more; the tree shows where</p>}
    </section>
  )
}

/** The parts of a place, the ones with something abnormal first. */
export function PlaceCards({ store, place }: { readonly store: Store; readonly place: Place }) {
  const children = childrenOf(place)
  const shown = children.slice(0, SHOWN.cards)
  if (shown.length === 0) return null
  return (
    <>
      <ul class="cards">
        {shown.map((child) => (
          <li key={child.path}>
            <PlaceCard store={store} place={child} />
          </li>
        ))}
      </ul>
      {children.length > shown.length && <p class="hint">and {children.length - shown.length} more in the tree</p>}
    </>
  )
}

function PlaceCard({ store, place }: { readonly store: Store; readonly place: Place }) {
  const { asset } = place
  const below = childrenOf(place)
  return (
    <a class="card place-card" href={placeHref(place.path)} data-asset-card={place.path}>
      <h3>{place.name}</h3>
      {asset === undefined || below.length > 0 ? (
        <CountsLine counts={place.counts} />
      ) : (
        <div class="counts">
          <span class="num">
            {asset.tags} {asset.tags === 1 ? 'tag' : 'tags'}
          </span>
          {stateOf(asset) === 'good' ? (
            <span class="count calm">good</span>
          ) : (
            <span class="count" data-state={stateOf(asset)}>
              <Mark state={stateOf(asset)} /> {STATE_WORDS[stateOf(asset)]}
            </span>
          )}
        </div>
      )}
      <div class="card-foot">
        {asset === undefined || below.length > 0 ? (
          <Shares place={place} />
        ) : (
          <span class="muted">
            last data <Age store={store} at={asset.lastReceived} />
          </span>
        )}
      </div>
    </a>
  )
}

/** A thin bar of shares, in the order worst to best. */
function Shares({ place }: { readonly place: Place }) {
  const total = totalOf(place.counts)
  return (
    <div class="shares" aria-hidden="true">
      {(['bad', 'stale', 'uncertain', 'good'] as const).map((state) => (
        <span key={state} data-state={state} style={{ flexGrow: place.counts[state] / total }} />
      ))}
    </div>
  )
}

function Empty({ store }: { readonly store: Store }) {
  const waiting = store.connection === 'connecting'
  return (
    <section class="empty">
      <h1>{waiting ? 'Connecting' : 'No values yet'}</h1>
      <p>
        {waiting
          ? 'Asking the hub for the plant.'
          : 'As soon as a source hands over its first value, its asset appears here.'}
      </p>
      {!waiting && <a href="#/connections">See the connections</a>}
    </section>
  )
}

function Unknown({ path }: { readonly path: string }) {
  return (
    <section class="empty">
      <h1>Nothing here</h1>
      <p>
        No value of <span class="path">{path}</span> has come yet.
      </p>
      <a href={placeHref('')}>Overview</a>
    </section>
  )
}
