import { useState } from 'preact/hooks'
import type { OeeGroupView, OeeIntervalView, OeeMemberView, OeeView } from '../../src/api/contract-oee.ts'
import { useAnswer } from './answer.ts'
import { numberText } from './format.ts'
import { Problem } from './log-page.tsx'
import { OeeFigures } from './oee-figures.tsx'
import { OeePareto } from './oee-pareto.tsx'
import { OeePeriod, periodQuery } from './oee-period.tsx'
import { OeeTimelines } from './oee-timeline.tsx'
import { OeeWaterfall } from './oee-waterfall.tsx'
import { flagTexts, percentText } from './oee-words.ts'
import { Mark } from './marks.tsx'
import type { PageProps } from './pages.tsx'
import { pageHref, type RouteQuery, urlPath } from './route.ts'

/** How often the running hour is asked for again, and longer times, which are dearer. */
const EVERY_MS = 10_000
const LONG_EVERY_MS = 60_000

/** OEE of a machine, a line or a place: what it was, where the time went, and which readings say so. */
export function OeePage({ store, path, query }: PageProps) {
  const place = path || store.hub?.site
  if (place === undefined) return <p class="hint">Asking the hub.</p>
  return <OeeOf key={place} path={place} query={query} />
}

function OeeOf({ path, query }: { readonly path: string; readonly query: RouteQuery }) {
  const asked = periodQuery(query)
  const isPast = 'at' in asked || 'from' in asked
  const isShort = asked['period'] === 'now' || asked['period'] === 'hour'
  const url = `/api/v1/oee/${urlPath(path)}?${new URLSearchParams(asked).toString()}`
  const { value, problem } = useAnswer<OeeView>(url, isPast ? 0 : isShort ? EVERY_MS : LONG_EVERY_MS)
  return (
    <section class="oee" data-oee={path} aria-labelledby="oee-title">
      <OeeCrumbs path={path} />
      <h1 id="oee-title">{path.split('/').at(-1)}</h1>
      <OeePeriod path={path} query={query} shown={value?.period} />
      <Problem text={problem} />
      {value === undefined && problem === undefined && <p class="hint">Asking the hub.</p>}
      {value && <Board view={value} query={query} />}
    </section>
  )
}

function OeeCrumbs({ path }: { readonly path: string }) {
  const names = path.split('/')
  return (
    <nav class="crumbs" aria-label="Place">
      <ol>
        {names.slice(0, -1).map((name, index) => (
          <li key={index}>
            {index === 0 ? name : <a href={pageHref('oee', names.slice(0, index + 1).join('/'))}>{name}</a>}
          </li>
        ))}
      </ol>
    </nav>
  )
}

function Board({ view, query }: { readonly view: OeeView; readonly query: RouteQuery }) {
  const [picked, pick] = useState<{ readonly asset: string; readonly interval: OeeIntervalView } | undefined>()
  return (
    <>
      <OeeFigures view={view} />
      <Flags view={view} />
      <OeeTimelines view={view} picked={picked} onPick={pick} />
      <div class="oee-columns">
        <OeeWaterfall view={view} />
        <OeePareto view={view} />
      </div>
      {view.level !== 'machine' && <Members members={view.members} query={query} />}
      <Groups title="Orders" groups={view.orders} />
      <Groups title="Products" groups={view.products} />
    </>
  )
}

function Flags({ view: { flags, without } }: { readonly view: OeeView }) {
  const texts = flagTexts(flags)
  if (without.length > 0) texts.push(`Without ideal cycle or counter, and not in the figures: ${without.join(', ')}`)
  if (texts.length === 0) return null
  return (
    <ul class="oee-flags">
      {texts.map((text) => (
        <li key={text} class="count" data-state="uncertain">
          <Mark state="uncertain" /> {text}
        </li>
      ))}
    </ul>
  )
}

function Members({ members, query }: { readonly members: readonly OeeMemberView[]; readonly query: RouteQuery }) {
  return (
    <section class="card" aria-labelledby="oee-members">
      <h2 id="oee-members">Machines</h2>
      <table class="figures">
        <thead>
          <tr>
            <th scope="col">Machine</th>
            <th scope="col" class="right">
              OEE
            </th>
            <th scope="col" class="right wide">
              Availability
            </th>
            <th scope="col" class="right wide">
              Effectiveness
            </th>
            <th scope="col" class="right wide">
              Quality
            </th>
            <th scope="col" class="right">
              Unknown
            </th>
            <th scope="col" class="right">
              Made
            </th>
          </tr>
        </thead>
        <tbody>
          {members.map(({ asset, kpis, unknownShare, quantities }) => (
            <tr key={asset} data-member={asset}>
              <th scope="row">
                <a href={pageHref('oee', asset, periodQuery(query))}>{asset.split('/').at(-1)}</a>
              </th>
              <td class="right num">{percentText(kpis.oee)}</td>
              <td class="right num wide">{percentText(kpis.availability)}</td>
              <td class="right num wide">{percentText(kpis.effectiveness)}</td>
              <td class="right num wide">{percentText(kpis.qualityRatio)}</td>
              <td class="right num">{percentText(unknownShare)}</td>
              <td class="right num">{numberText(quantities.PQ, 0)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function Groups({ title, groups }: { readonly title: string; readonly groups: readonly OeeGroupView[] }) {
  if (groups.length === 0) return null
  const isOrders = groups.some(({ order }) => order !== undefined)
  return (
    <section class="card" data-groups={title.toLowerCase()}>
      <h2>{title}</h2>
      <table class="figures">
        <thead>
          <tr>
            {isOrders && <th scope="col">Order</th>}
            <th scope="col">Product</th>
            <th scope="col" class="right">
              OEE
            </th>
            <th scope="col" class="right">
              Good
            </th>
            <th scope="col" class="right">
              Scrap
            </th>
          </tr>
        </thead>
        <tbody>
          {groups.map(({ order, product, kpis, quantities }) => (
            <tr key={`${order} ${product}`}>
              {isOrders && <th scope="row">{order}</th>}
              <td>{product ?? '–'}</td>
              <td class="right num">{percentText(kpis.oee)}</td>
              <td class="right num">{numberText(quantities.GQ, 0)}</td>
              <td class="right num">{numberText(quantities.SQ ?? 0, 0)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
