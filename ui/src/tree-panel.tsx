import { useEffect, useRef, useState } from 'preact/hooks'
import { Mark, STATE_WORDS } from './marks.tsx'
import type { Store } from './store.ts'
import { openRows, search, totalOf, worstOf, type Counts, type Place } from './tree.ts'

/** Places open at first: enough to show the areas of a site and what is in them. */
const OPEN_LEVELS = 3

/** Rows found by the search and shown; the rest is counted. */
const FOUND = 500

/** Rows drawn above and below what shows, so that scrolling does not flicker. */
const OVERSCAN = 6

interface TreePanelProps {
  readonly store: Store
  readonly selected: string
  /** Where a place leads to: what is shown of it depends on the page. */
  readonly hrefOf: (path: string) => string
  /** Rows for fingers. */
  readonly tall: boolean
}

/** The plant by place. However large it is, only the rows that show are drawn. */
export function TreePanel({ store, selected, hrefOf, tall }: TreePanelProps) {
  const [text, setText] = useState('')
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set())
  const isOpen = (place: Place) => {
    const atFirst = place.level < OPEN_LEVELS || selected.startsWith(`${place.path}/`)
    return atFirst !== toggled.has(place.path)
  }
  const toggle = (place: Place) => {
    const next = new Set(toggled)
    if (!next.delete(place.path)) next.add(place.path)
    setToggled(next)
  }
  const hits = text.trim() === '' ? undefined : search(store.tree, text, FOUND)
  const rows = hits?.found ?? openRows(store.tree.root, isOpen)
  return (
    <div class="tree-panel">
      <label class="search">
        <span class="sr">Search assets</span>
        <input
          type="search"
          placeholder="Search assets"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      {hits !== undefined && (
        <p class="hint search-count" role="status">
          {hits.total === 0 ? 'nothing found' : `${hits.total} found${hits.total > FOUND ? `, ${FOUND} shown` : ''}`}
        </p>
      )}
      <Rows
        store={store}
        rows={rows}
        flat={hits !== undefined}
        selected={selected}
        hrefOf={hrefOf}
        isOpen={isOpen}
        toggle={toggle}
        height={tall ? 44 : 28}
      />
    </div>
  )
}

interface RowsProps {
  readonly store: Store
  readonly rows: readonly Place[]
  /** Search results: no levels, whole paths. */
  readonly flat: boolean
  readonly selected: string
  readonly hrefOf: (path: string) => string
  readonly isOpen: (place: Place) => boolean
  readonly toggle: (place: Place) => void
  /** Of a row, px. */
  readonly height: number
}

function Rows(props: RowsProps) {
  const { store, rows, flat, selected, hrefOf, isOpen, toggle, height } = props
  const box = useRef<HTMLDivElement>(null)
  const [view, setView] = useState({ top: 0, height: 600 })
  const [active, setActive] = useState(selected)
  useEffect(() => setActive(selected), [selected])
  useEffect(() => followSize(box.current!, setView), [])
  const first = Math.max(0, Math.floor(view.top / height) - OVERSCAN)
  const last = Math.min(rows.length, Math.ceil((view.top + view.height) / height) + OVERSCAN)
  const activeIndex = rows.findIndex((place) => place.path === active)
  const move = (index: number) => {
    const place = rows[Math.max(0, Math.min(rows.length - 1, index))]
    if (place === undefined) return
    setActive(place.path)
    reveal(box.current!, rows.indexOf(place), height)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (treeKey(event.key, { rows, activeIndex, hrefOf, isOpen, toggle, move })) event.preventDefault()
  }
  return (
    <div
      ref={box}
      class="tree"
      role="tree"
      aria-label="Plant"
      tabIndex={0}
      aria-activedescendant={activeIndex >= first && activeIndex < last ? rowId(activeIndex) : undefined}
      onKeyDown={onKeyDown}
      onScroll={(event) => setView({ top: event.currentTarget.scrollTop, height: event.currentTarget.clientHeight })}
    >
      <div class="tree-space" role="presentation" style={{ height: `${rows.length * height}px` }}>
        {rows.slice(first, last).map((place, offset) => (
          <Row
            key={place.path}
            place={place}
            href={hrefOf(place.path)}
            counts={store.countsOf(place)}
            index={first + offset}
            height={height}
            flat={flat}
            open={isOpen(place)}
            selected={place.path === selected}
            active={place.path === active}
            onToggle={() => toggle(place)}
          />
        ))}
      </div>
    </div>
  )
}

interface RowProps {
  readonly place: Place
  readonly href: string
  readonly counts: Counts
  readonly index: number
  readonly height: number
  readonly flat: boolean
  readonly open: boolean
  readonly selected: boolean
  readonly active: boolean
  readonly onToggle: () => void
}

function Row({ place, href, counts, index, height, flat, open, selected, active, onToggle }: RowProps) {
  const isParent = place.children.size > 0 && !flat
  const state = worstOf(counts)
  const abnormal = totalOf(counts) - counts.good
  const words = isParent ? `${abnormal} not good, the worst is ${STATE_WORDS[state]}` : STATE_WORDS[state]
  const indent = flat ? 0 : (place.level - 1) * 14
  return (
    <div
      id={rowId(index)}
      class="tree-row"
      role="treeitem"
      aria-level={place.level}
      aria-expanded={isParent ? open : undefined}
      aria-selected={selected}
      data-active={active}
      data-place={place.path}
      style={{ top: `${index * height}px`, height: `${height}px`, paddingLeft: `${indent}px` }}
    >
      {isParent ? (
        <button class="twisty" type="button" tabIndex={-1} aria-label={open ? 'Close' : 'Open'} onClick={onToggle}>
          <svg viewBox="0 0 10 10" width="10" height="10" aria-hidden="true" data-open={open}>
            <path d="M3 1 7 5 3 9" />
          </svg>
        </button>
      ) : (
        <span class="twisty" />
      )}
      <a class="tree-link" href={href} tabIndex={-1} title={place.path}>
        <span class="tree-name">{flat ? place.path.split('/').slice(2).join(' / ') || place.path : place.name}</span>
        {state !== 'good' && (
          <span class="count tree-state" data-state={state} title={words}>
            {isParent && <span class="num">{abnormal}</span>}
            <Mark state={state} label={words} />
          </span>
        )}
        {isParent && <span class="tree-total num">{totalOf(counts)}</span>}
      </a>
    </div>
  )
}

interface Keyboard {
  readonly rows: readonly Place[]
  readonly activeIndex: number
  readonly hrefOf: (path: string) => string
  readonly isOpen: (place: Place) => boolean
  readonly toggle: (place: Place) => void
  readonly move: (index: number) => void
}

/** The keys of a tree (WAI-ARIA APG); true where the key was one of them. */
function treeKey(key: string, { rows, activeIndex, hrefOf, isOpen, toggle, move }: Keyboard): boolean {
  const place = rows[activeIndex]
  const canOpen = place !== undefined && place.children.size > 0
  switch (key) {
    case 'ArrowDown':
      move(activeIndex + 1)
      return true
    case 'ArrowUp':
      move(activeIndex - 1)
      return true
    case 'Home':
      move(0)
      return true
    case 'End':
      move(rows.length - 1)
      return true
    case 'ArrowRight':
      if (canOpen && !isOpen(place)) toggle(place)
      else if (canOpen) move(activeIndex + 1)
      return true
    case 'ArrowLeft':
      if (canOpen && isOpen(place)) toggle(place)
      else if (place !== undefined)
        move(rows.findIndex((row) => place.path.startsWith(`${row.path}/`) && row.level === place.level - 1))
      return true
    case 'Enter':
    case ' ':
      if (place !== undefined) location.hash = hrefOf(place.path)
      return true
    default:
      return false
  }
}

function rowId(index: number): string {
  return `tree-row-${index}`
}

function reveal(box: HTMLElement, index: number, height: number): void {
  const top = index * height
  if (top < box.scrollTop) box.scrollTop = top
  else if (top + height > box.scrollTop + box.clientHeight) box.scrollTop = top + height - box.clientHeight
}

function followSize(box: HTMLElement, setView: (view: { top: number; height: number }) => void): () => void {
  const observer = new ResizeObserver(() => setView({ top: box.scrollTop, height: box.clientHeight }))
  observer.observe(box)
  return () => observer.disconnect()
}
