import { useEffect, useLayoutEffect, useState } from 'preact/hooks'
import { AssetPage } from './asset-page.tsx'
import type { Connection } from './connection.ts'
import { ageText } from './format.ts'
import { Header } from './header.tsx'
import { useMedia, useRoute, useSeconds, useStore } from './hooks.ts'
import { Login } from './login.tsx'
import { Moment } from './moment-context.ts'
import { momentIn, withMoment } from './moment.ts'
import { hrefFrom, PAGES } from './pages.tsx'
import { PlacePage } from './place-page.tsx'
import type { Route } from './route.ts'
import type { Store } from './store.ts'
import { TimeBar } from './time-bar.tsx'
import { TreePanel } from './tree-panel.tsx'

interface AppProps {
  readonly store: Store
  readonly connection: Connection
}

/** The page: a header, the plant as a tree, and what somebody looks at. */
export function App({ store, connection }: AppProps) {
  useStore(store)
  const route = useRoute()
  const narrow = useMedia('(max-width: 760px)')
  const [drawer, setDrawer] = useState(false)
  useMoment(store)
  const page = route.view === 'page' ? pageOf(route) : undefined
  const path = route.view === 'place' ? route.path : ''
  const isAsset = store.tree.find(path)?.asset !== undefined
  // The tree may not be here yet when a link to an asset is opened: ask for it anyway, the hub knows.
  useEffect(() => connection.look(path.includes('/') ? [path] : []), [connection, path, isAsset])
  useEffect(() => setDrawer(false), [page?.name, route.path])
  useTitle(store, route)
  if (store.connection === 'login') return <Login onIn={() => void connection.start()} />
  return (
    <div class="app" data-connection={store.connection}>
      <a class="skip" href="#main" onClick={focusMain}>
        To the values
      </a>
      <Header store={store} route={route} drawer={drawer} onDrawer={narrow ? () => setDrawer(!drawer) : undefined} />
      {store.connection === 'lost' && <LostBanner store={store} />}
      {store.travel && <TimeBar store={store} travel={store.travel} />}
      <div class="body">
        <aside class="side" hidden={narrow && !drawer}>
          <TreePanel
            store={store}
            selected={page?.ofPlaces ? route.path : path}
            hrefOf={hrefFrom(page?.name)}
            tall={narrow}
          />
        </aside>
        <main id="main" class="main" tabIndex={-1} hidden={narrow && drawer}>
          <Moment.Provider value={store.travel?.at}>
            <View store={store} route={route} />
          </Moment.Provider>
        </main>
      </div>
    </div>
  )
}

/** A moment of the past stays while somebody goes from page to page, until they come back to the present. */
function useMoment(store: Store): void {
  useLayoutEffect(() => {
    const at = momentIn(location.hash)
    if (at !== undefined) store.travelTo(at)
    else if (store.travel) history.replaceState(null, '', withMoment(location.hash, store.travel.at))
  }, [store, location.hash])
}

function View({ store, route }: { readonly store: Store; readonly route: Route }) {
  if (route.view === 'page') {
    const page = pageOf(route)
    // A page that there is not is the plant.
    return page ? (
      <page.Page store={store} path={route.path} query={route.query} />
    ) : (
      <PlacePage store={store} path="" />
    )
  }
  const known = store.tree.find(route.path)
  if (known?.asset !== undefined || store.twins.has(route.path)) return <AssetPage store={store} path={route.path} />
  return <PlacePage store={store} path={route.path} />
}

function pageOf({ name }: Extract<Route, { view: 'page' }>) {
  return PAGES.find((page) => page.name === name)
}

/** P9: no stale value looks fresh. Whatever is on the page now is the past, and this says since when. */
function LostBanner({ store }: { readonly store: Store }) {
  useSeconds()
  const since = store.lastMessage === undefined ? '' : ` for ${ageText(store.hubNow() - store.lastMessage)}`
  return (
    <div class="banner" role="alert">
      <strong>No connection to the hub{since}.</strong> What you see is the past; trying to reconnect.
    </div>
  )
}

function useTitle(store: Store, route: Route): void {
  const site = store.hub?.site ?? 'Millrace'
  const name = nameOf(route)
  const title = name ? `${name} · ${site}` : `${site} · Millrace`
  useEffect(() => {
    document.title = title
  }, [title])
}

function nameOf(route: Route): string | undefined {
  const own = route.path.split('/').at(-1)
  const title = route.view === 'page' ? pageOf(route)?.title : undefined
  return own !== '' && title !== undefined ? `${own} · ${title}` : (title ?? own)
}

function focusMain(event: Event): void {
  event.preventDefault()
  document.getElementById('main')?.focus()
}
