import { useMemo, useState } from 'preact/hooks'
import { Crumbs } from './crumbs.tsx'
import { numberText } from './format.ts'
import { useHazards, type Hazard } from './hazards.ts'
import { Problem } from './log-page.tsx'
import { MapCanvas } from './map-canvas.tsx'
import type { LatLon } from './map-view.ts'
import { Age, Mark } from './marks.tsx'
import type { PageProps } from './pages.tsx'
import { placeHref } from './route.ts'
import type { Store } from './store.ts'
import { useVehicles, type Vehicle } from './vehicles.ts'

/** Rows of the list; the search finds the others. */
const SHOWN = 100

/** Where the vehicles are, and what they have warned one another of. The map is drawn here: nothing comes from elsewhere. */
export function MapPage({ store, path }: PageProps) {
  const { vehicles, problem, isAsked, hasMore } = useVehicles(path)
  const { hazards } = useHazards()
  const [selected, setSelected] = useState<string>()
  const [goal, setGoal] = useState<{ readonly place: LatLon }>()
  const warned = useMemo(() => new Set(hazards.flatMap((hazard) => hazard.warned)), [hazards])
  const show = (vehicle: Vehicle) => {
    setSelected(vehicle.path)
    setGoal({ place: vehicle })
  }
  return (
    <section class="map-page" aria-labelledby="map-title">
      {path !== '' && <Crumbs path={path} />}
      <h1 id="map-title">Map</h1>
      <Problem text={problem} />
      {isAsked && vehicles.length === 0 && (
        <p class="hint">
          Nothing here has a position: want numbers in tags <span class="path">lat</span> and{' '}
          <span class="path">lon</span>, degrees.
        </p>
      )}
      {hasMore && (
        <p class="hint">There are more than {numberText(vehicles.length, 0)}: a place of the tree shows its own.</p>
      )}
      <div class="map-columns">
        <MapCanvas
          store={store}
          vehicles={vehicles}
          hazards={hazards}
          warned={warned}
          selected={selected}
          onSelect={setSelected}
          goal={goal}
        />
        <div class="map-side">
          <Hazards store={store} hazards={hazards} onShow={(hazard) => setGoal({ place: hazard })} />
          <Vehicles vehicles={vehicles} store={store} warned={warned} selected={selected} onShow={show} />
        </div>
      </div>
    </section>
  )
}

interface HazardsProps {
  readonly store: Store
  readonly hazards: readonly Hazard[]
  readonly onShow: (hazard: Hazard) => void
}

function Hazards({ store, hazards, onShow }: HazardsProps) {
  return (
    <section class="card" aria-labelledby="hazards-title">
      <h2 id="hazards-title">Hazards</h2>
      {hazards.length === 0 && <p class="hint">None is known.</p>}
      <ul class="map-list" aria-live="polite">
        {hazards.map((hazard) => (
          <li key={hazard.id} data-hazard={hazard.kind}>
            <button type="button" class="map-row" onClick={() => onShow(hazard)}>
              <span class="count" data-state="bad">
                <Mark state="bad" /> {hazard.kind}
              </span>
              <span class="map-age">
                <Age store={store} at={hazard.since} />
              </span>
              <span class="hint map-more">
                confirmed by {hazard.cars} cars, {hazard.warned.length} warned, cell{' '}
                <span class="path">{hazard.cell}</span>
              </span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  )
}

interface VehiclesProps {
  readonly store: Store
  readonly vehicles: readonly Vehicle[]
  readonly warned: ReadonlySet<string>
  readonly selected: string | undefined
  readonly onShow: (vehicle: Vehicle) => void
}

function Vehicles({ store, vehicles, warned, selected, onShow }: VehiclesProps) {
  const [search, setSearch] = useState('')
  const found = useMemo(() => {
    const wanted = search.trim().toLowerCase()
    const rank = (vehicle: Vehicle) =>
      vehicle.path === selected ? 0 : warned.has(vehicle.path) ? 1 : vehicle.stale ? 2 : 3
    return vehicles
      .filter(({ path }) => path.toLowerCase().includes(wanted))
      .sort((a, b) => rank(a) - rank(b) || (a.path < b.path ? -1 : 1))
  }, [vehicles, search, warned, selected])
  return (
    <section class="card" aria-labelledby="vehicles-title">
      <h2 id="vehicles-title">
        Vehicles <span class="muted num">{numberText(vehicles.length, 0)}</span>
      </h2>
      <div class="search map-search">
        <input
          type="search"
          placeholder="Find a vehicle"
          aria-label="Find a vehicle"
          value={search}
          onInput={(event) => setSearch(event.currentTarget.value)}
        />
      </div>
      <ul class="map-list">
        {found.slice(0, SHOWN).map((vehicle) => (
          <li key={vehicle.path} data-vehicle={vehicle.path}>
            <VehicleRow
              store={store}
              vehicle={vehicle}
              isWarned={warned.has(vehicle.path)}
              isSelected={vehicle.path === selected}
              onShow={() => onShow(vehicle)}
            />
          </li>
        ))}
      </ul>
      {found.length > SHOWN && (
        <p class="hint">and {numberText(found.length - SHOWN, 0)} more; the search finds them</p>
      )}
    </section>
  )
}

interface VehicleRowProps {
  readonly store: Store
  readonly vehicle: Vehicle
  readonly isWarned: boolean
  readonly isSelected: boolean
  readonly onShow: () => void
}

function VehicleRow({ store, vehicle, isWarned, isSelected, onShow }: VehicleRowProps) {
  const { name, path, speed, stale, receivedTime } = vehicle
  return (
    <>
      <button type="button" class="map-row" aria-pressed={isSelected} onClick={onShow}>
        <span>
          {stale && <Mark state="stale" label="stale" />} {name}
        </span>
        <span class="map-age num">
          {speed === undefined ? <Age store={store} at={receivedTime} /> : speedText(speed)}
        </span>
        {isWarned && (
          <span class="count map-more" data-state="uncertain">
            <Mark state="uncertain" /> was warned
          </span>
        )}
      </button>
      {isSelected && (
        <a class="hint" href={placeHref(path)}>
          All values of {name}
        </a>
      )}
    </>
  )
}

/** m/s, the unit in which vehicles say it. */
function speedText(speed: number): string {
  return `${numberText(speed, 1)} m/s`
}
