import { useMemo, useState } from 'preact/hooks'
import type { TwinView } from '../../src/api/contract.ts'
import { AssetAlarms, useAssetAlarms } from './asset-alarms.tsx'
import { AssetAbout } from './asset-about.tsx'
import { AssetChanges } from './asset-changes.tsx'
import { AssetCommands } from './asset-commands.tsx'
import { AssetForecast } from './asset-forecast.tsx'
import { AssetTrend } from './asset-trend.tsx'
import { Crumbs } from './crumbs.tsx'
import { Age, Mark } from './marks.tsx'
import { deviationsOf, type Deviation } from './deviations.ts'
import { PlaceCards } from './place-page.tsx'
import type { Store } from './store.ts'
import { tagState } from './tag.ts'
import { TagRow } from './tag-row.tsx'

/** Tags shown at most: more than anybody reads, few enough to draw ten times a second. */
const SHOWN = 500

/** An asset with its tags: value in its context, quality, age and trend. */
export function AssetPage({ store, path }: { readonly store: Store; readonly path: string }) {
  const twin = store.twins.get(path)
  const place = store.tree.find(path)
  const alarms = useAssetAlarms(store, path)
  const unusual = useMemo(() => deviationsOf(alarms?.alarms ?? []), [alarms])
  return (
    <section class="asset" data-asset={path} aria-labelledby="asset-title">
      <Crumbs path={path} />
      <h1 id="asset-title">{path.split('/').at(-1)}</h1>
      <AssetAlarms key={path} store={store} value={alarms} />
      {twin === undefined ? (
        <p class="hint">Waiting for its values.</p>
      ) : (
        <Tags store={store} twin={twin} unusual={unusual} />
      )}
      <AssetChanges store={store} path={path} />
      <AssetCommands key={`commands ${path}`} store={store} path={path} />
      {twin !== undefined && <AssetForecast key={`forecast ${path}`} store={store} twin={twin} />}
      {twin !== undefined && <AssetAbout twin={twin} />}
      {place !== undefined && place.children.size > 0 && (
        <>
          <h2>Below</h2>
          <PlaceCards store={store} place={place} />
        </>
      )}
    </section>
  )
}

interface TagsProps {
  readonly store: Store
  readonly twin: TwinView
  /** What alarms say of tags. */
  readonly unusual: ReadonlyMap<string, Deviation>
}

function Tags({ store, twin, unusual }: TagsProps) {
  const lost = !store.isLive
  const shown = twin.tags.slice(0, SHOWN)
  const [trend, setTrend] = useState<string>()
  return (
    <>
      <Facts store={store} twin={twin} lost={lost} />
      {trend !== undefined && <AssetTrend key={twin.path} store={store} twin={twin} tag={trend} onTag={setTrend} />}
      <div class="tags" role="table" aria-label="Tags">
        <div class="tag-head" role="row">
          {['Tag', 'Value', 'Range', 'Trend', 'Quality', 'Age'].map((name) => (
            <span key={name} role="columnheader" data-column={name.toLowerCase()}>
              {name}
            </span>
          ))}
        </div>
        {shown.map((tag) => (
          <TagRow
            key={tag.tag}
            store={store}
            tag={tag}
            stale={tag.stale || lost}
            points={store.trends.of(twin.path, tag.tag)}
            unusual={unusual.get(tag.tag)}
            desired={twin.desired?.find((one) => one.tag === tag.tag)}
            onTrend={() => setTrend(tag.tag)}
          />
        ))}
      </div>
      {twin.tags.length > SHOWN && <p class="hint">and {twin.tags.length - SHOWN} more; the API has all</p>}
    </>
  )
}

function Facts({ store, twin, lost }: { readonly store: Store; readonly twin: TwinView; readonly lost: boolean }) {
  const tagStates = twin.tags.map((tag) => tagState(tag, tag.stale || lost))
  const states = (['bad', 'stale', 'uncertain'] as const).map((state) => ({
    state,
    count: tagStates.filter((each) => each === state).length,
  }))
  return (
    <div class="asset-facts">
      <span class="num">
        {twin.tags.length} {twin.tags.length === 1 ? 'tag' : 'tags'}
      </span>
      {states.map(
        ({ state, count }) =>
          count > 0 && (
            <span key={state} class="count" data-state={state}>
              <Mark state={state} /> <span class="num">{count}</span> {state}
            </span>
          ),
      )}
      {twin.model !== undefined && <span class="muted">{twin.model}</span>}
      {twin.source !== undefined && (
        <span class="muted">
          from <a href="#/connections">{twin.source}</a>
        </span>
      )}
      <span class="muted">
        last data <Age store={store} at={twin.lastReceived} />
      </span>
    </div>
  )
}
