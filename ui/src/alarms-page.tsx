import { useState } from 'preact/hooks'
import type { AlarmGroupView } from '../../src/api/contract.ts'
import { AlarmFigures } from './alarm-figures.tsx'
import { AlarmJournal } from './alarm-journal.tsx'
import { EVERY_MS, GroupRow } from './alarm-rows.tsx'
import { PRIORITIES, SECTIONS } from './alarm-words.ts'
import { useAnswer } from './answer.ts'
import { numberText } from './format.ts'
import { Problem } from './log-page.tsx'
import type { PageProps } from './pages.tsx'
import type { Store } from './store.ts'
import { Tabs } from './tabs.tsx'

/** Lines of a section at most; a flood is read by its groups, and narrowed by the filter. */
const SHOWN = 50

const TABS = [
  { path: '', title: 'Standing' },
  { path: 'journal', title: 'Journal' },
  { path: 'figures', title: 'Figures' },
] as const

/** Alarms by what they want of a person (ISA-18.2 clause 11), their journal, and how good they are. */
export function AlarmsPage({ store, path }: PageProps) {
  return (
    <section class="alarms" aria-labelledby="alarms-title">
      <h1 id="alarms-title">Alarms</h1>
      <Tabs label="Views of alarms" page="alarms" tabs={TABS} path={path} />
      {path === 'journal' && <AlarmJournal store={store} />}
      {path === 'figures' && <AlarmFigures store={store} />}
      {path !== 'journal' && path !== 'figures' && <Standing store={store} />}
    </section>
  )
}

function Standing({ store }: { readonly store: Store }) {
  const [priority, setPriority] = useState('')
  const [place, setPlace] = useState('')
  const filter = `${priority && `&priority=${priority}`}${place && `&on=${encodeURIComponent(patternOf(place))}`}`
  return (
    <>
      {store.alarms?.isFlood && (
        <p class="flood" role="alert">
          <strong>Alarm flood.</strong> More come than a person can take in: {numberText(store.alarms.standing, 0)}{' '}
          stand. Each line is all alarms of one kind in one place; the highest priority is on top.
        </p>
      )}
      <div class="travel-fields">
        <label>
          Priority
          <select value={priority} onChange={({ currentTarget }) => setPriority(currentTarget.value)}>
            <option value="">all</option>
            {PRIORITIES.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
        <label>
          Place
          <input
            placeholder="press-shop/line1"
            value={place}
            onChange={({ currentTarget }) => setPlace(currentTarget.value.trim())}
          />
        </label>
      </div>
      {SECTIONS.map((section) => (
        <Section key={section.name} store={store} section={section} filter={filter} />
      ))}
    </>
  )
}

/** A place means all that is below it; whoever types a pattern means that pattern. */
function patternOf(place: string): string {
  return place.includes('*') ? place : `${place.replace(/\/+$/, '')}/**`
}

interface SectionProps {
  readonly store: Store
  readonly section: (typeof SECTIONS)[number]
  readonly filter: string
}

function Section({ store, section: { name, title, states, none }, filter }: SectionProps) {
  const asked = states.join(',')
  const url = `/api/v1/alarms/groups?state=${asked}&limit=${SHOWN + 1}${filter}`
  const { value, problem } = useAnswer<{ readonly groups: readonly AlarmGroupView[] }>(
    url,
    EVERY_MS,
    store.alarms?.revision,
  )
  const groups = value?.groups ?? []
  const count = groups.reduce((sum, group) => sum + group.count, 0)
  return (
    <section class="card alarm-section" data-section={name} aria-labelledby={`alarms-${name}`}>
      <h2 id={`alarms-${name}`}>
        {title} <span class="muted num">{value && `${numberText(count, 0)}${groups.length > SHOWN ? '+' : ''}`}</span>
      </h2>
      <Problem text={problem} />
      {value && groups.length === 0 && <p class="hint">{none}</p>}
      <div class="alarm-list" data-lost={!store.isLive}>
        {groups.slice(0, SHOWN).map((group) => (
          <GroupRow key={`${group.place} ${group.alarm}`} store={store} group={group} states={asked} />
        ))}
      </div>
      {groups.length > SHOWN && <p class="hint">and more: narrow them by priority or place</p>}
    </section>
  )
}
