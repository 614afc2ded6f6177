import type { ComponentType } from 'preact'
import { AlarmsPage } from './alarms-page.tsx'
import { CommandsPage } from './commands-page.tsx'
import { ConnectionsPage } from './connections-page.tsx'
import { HistoryPage } from './history-page.tsx'
import { LogPage } from './log-page.tsx'
import { MaintenancePage } from './maintenance-page.tsx'
import { MapPage } from './map-page.tsx'
import { OeePage } from './oee-page.tsx'
import { pageHref, placeHref, recordsPage, type RouteQuery } from './route.ts'
import { SequencePage } from './sequence-page.tsx'
import { StockPage } from './stock-page.tsx'
import type { Store } from './store.ts'
import { TopicPage } from './topic-page.tsx'

/** What a page is given. */
export interface PageProps {
  readonly store: Store
  /** What follows its name in the URL: `#/{name}/{path}?{query}`. */
  readonly path: string
  readonly query: RouteQuery
}

/** A page with an entry in the header. */
interface PageEntry {
  /** First segment of its URL. */
  readonly name: string
  readonly title: string
  /** Its path is a place of the plant: the tree beside it leads to other places within the page. */
  readonly ofPlaces?: true
  /** It is about Millrace, not about the plant: it has its place in the menu at the end. */
  readonly isSystem?: true
  readonly Page: ComponentType<PageProps>
}

/** Every page beside that of the plant itself, in the order of the header. */
export const PAGES: readonly PageEntry[] = [
  { name: 'alarms', title: 'Alarms', Page: AlarmsPage },
  { name: 'oee', title: 'OEE', ofPlaces: true, Page: OeePage },
  { name: 'maintenance', title: 'Maintenance', ofPlaces: true, Page: MaintenancePage },
  { name: 'stock', title: 'Stock', ofPlaces: true, Page: StockPage },
  { name: 'sequence', title: 'Sequence', ofPlaces: true, Page: SequencePage },
  { name: 'map', title: 'Map', ofPlaces: true, Page: MapPage },
  { name: 'history', title: 'History', ofPlaces: true, Page: HistoryPage },
  { name: 'commands', title: 'Commands', isSystem: true, Page: CommandsPage },
  { name: 'connections', title: 'Connections', isSystem: true, Page: ConnectionsPage },
  { name: 'log', title: 'Log', isSystem: true, Page: Log },
]

/** Where a place of the tree leads to, seen from a page. */
export function hrefFrom(name: string | undefined): (path: string) => string {
  const page = PAGES.find((one) => one.name === name)
  return page?.ofPlaces ? (path) => pageHref(page.name, path) : placeHref
}

function Log({ store, path, query }: PageProps) {
  return path === '' ? <LogPage log={store.hub?.log} /> : <TopicPage topic={path} page={recordsPage(query)} />
}
