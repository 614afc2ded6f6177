import { Fragment } from 'preact'
import type { AssetSummary } from '../../src/api/contract.ts'
import { Age, CountsLine, Mark, STATE_WORDS } from './marks.tsx'
import { placeHref } from './route.ts'
import type { Store } from './store.ts'
import { abnormal, assetsBelow, childrenOf, firstBranch, stateOf, totalOf, type Place } from './tree.ts'
import { Crumbs } from './crumbs.tsx'

/** Cards, rows of the attention list, lines and marks of a card shown at most; the tree has all. */
const SHOWN = { cards: 200, attention: 12, lines: 8, marks: 96 } as const

/** A place that is no asset itself: what is wrong there first, then its parts as cards. */
export function PlacePage({ store, path }: { readonly store: Store; readonly path: string }) {
  const asked = store.tree.find(path)
  if (store.tree.size === 0) return <Empty store={store} />
  if (asked === undefined) return <Unknown path={path} />
  const place = path === '' ? firstBranch(asked) : asked
  return (
    <section class="place" aria-labelledby="place-title">
      {path !== '' && <Crumbs path={path} />}
      <h1 id="place-title">{path === '' ? 'Overview' : place.name}</h1>
      <CountsLine counts={store.countsOf(place)} />
      {store.isLive && <Attention store={store} place={place} />}
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
  const isLeaf = asset !== undefined && place.children.size === 0
  return (
    <a class="card place-card" href={placeHref(place.path)} data-card={place.path}>
      <h3>{place.name}</h3>
      {isLeaf ? <AssetLine store={store} asset={asset} /> : <CountsLine counts={store.countsOf(place)} />}
      {!isLeaf && <PlaceMarks store={store} place={place} />}
    </a>
  )
}

function AssetLine({ store, asset }: { readonly store: Store; readonly asset: AssetSummary }) {
  const state = store.stateOf(asset)
  return (
    <div class="counts">
      <span class="count" data-state={state}>
        <Mark state={state} /> {STATE_WORDS[state]}
      </span>
      <span class="muted num">
        {asset.tags} {asset.tags === 1 ? 'tag' : 'tags'}
      </span>
      <span class="muted card-age">
        <Age store={store} at={asset.lastReceived} />
      </span>
    </div>
  )
}

/** One mark for each asset of a place, line by line where it has lines: where something is wrong shows at a glance. */
function PlaceMarks({ store, place }: { readonly store: Store; readonly place: Place }) {
  const children = childrenOf(place)
  const hasLines = children.length <= SHOWN.lines && children.some((child) => child.children.size > 0)
  if (!hasLines) return <AssetMarks store={store} place={place} most={SHOWN.marks} />
  return (
    <div class="marks-named" aria-hidden="true">
      {children.map((child) => (
        <Fragment key={child.path}>
          <span class="marks-name">{child.name}</span>
          <AssetMarks store={store} place={child} most={SHOWN.marks / 4} />
        </Fragment>
      ))}
    </div>
  )
}

interface AssetMarksProps {
  readonly store: Store
  readonly place: Place
  readonly most: number
}

function AssetMarks({ store, place, most }: AssetMarksProps) {
  const shown = assetsBelow(place, most)
  const more = totalOf(place.counts) - shown.length
  return (
    <div class="marks" aria-hidden="true">
      {shown.map((asset) => (
        <Mark key={asset.path} state={store.stateOf(asset)} />
      ))}
      {more > 0 && <span class="hint num">+{more}</span>}
    </div>
  )
}

function Empty({ store }: { readonly store: Store }) {
  const waiting = store.connection === 'connecting' || store.travel?.isLoading
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
