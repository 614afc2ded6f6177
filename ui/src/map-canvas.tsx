import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Hazard } from './hazards.ts'
import { markAt, marksOf } from './map-clusters.ts'
import { drawMap } from './map-draw.ts'
import { fitted, panned, zoomed, type LatLon, type MapView, type Point } from './map-view.ts'
import type { Store } from './store.ts'
import type { Vehicle } from './vehicles.ts'

interface MapCanvasProps {
  readonly store: Store
  readonly vehicles: readonly Vehicle[]
  readonly hazards: readonly Hazard[]
  readonly warned: ReadonlySet<string>
  readonly selected: string | undefined
  readonly onSelect: (path: string | undefined) => void
  /** Where to go; another object each time somebody wants to. */
  readonly goal: { readonly place: LatLon } | undefined
}

const WHOLE: MapView = { middle: { lat: 20, lon: 0 }, scale: 600, width: 300, height: 300 }
const ZOOM = 1.6
const PAN_PX = 80
/** Pixels of the equator at which a street is well in sight. */
const STREET_SCALE = 2 ** 24
const REACH_PX = 18

/** The map: moved by mouse, finger and keyboard. What it shows is in the lists beside it, for those who cannot see it. */
export function MapCanvas(props: MapCanvasProps) {
  const { store, vehicles, hazards, warned, selected, onSelect, goal } = props
  const canvas = useRef<HTMLCanvasElement>(null)
  const [view, setView] = useState(WHOLE)
  const touched = useRef(false)
  const places = useMemo(() => [...vehicles, ...hazards], [vehicles, hazards])
  const move = (change: (view: MapView) => MapView) => {
    touched.current = true
    setView(change)
  }
  useSize(canvas, setView)
  // Until somebody moves it, the map shows all there is, whether vehicles or hazards were heard of first. It is not fitted
  // again to what has only moved: the ground would never stand still.
  useEffect(() => {
    if (!touched.current) setView((now) => fitted(now, places))
  }, [vehicles.length, hazards.length, view.width, view.height])
  useEffect(() => {
    if (goal) move((now) => ({ ...now, middle: goal.place, scale: Math.max(now.scale, STREET_SCALE) }))
  }, [goal])
  const marks = useMemo(() => marksOf(view, vehicles), [view, vehicles])
  useEffect(() => {
    const drawing = { view, marks, hazards, warned, selected, now: store.now() }
    const frame = requestAnimationFrame(() => canvas.current && drawMap(canvas.current, drawing))
    return () => cancelAnimationFrame(frame)
  }, [view, marks, hazards, warned, selected])
  const pointers = usePointers(move, (at) => {
    const mark = markAt(marks, at, REACH_PX)
    if (mark === undefined) onSelect(undefined)
    else if ('vehicle' in mark) onSelect(mark.vehicle.path)
    else move((now) => zoomed(now, ZOOM ** 2, mark))
  })
  const middle = { x: view.width / 2, y: view.height / 2 }
  const fit = () => move((now) => fitted(now, places))
  useWheel(canvas, (factor, at) => move((now) => zoomed(now, factor, at)))
  const onKeyDown = (event: KeyboardEvent) => {
    const change = keyChange(event.key, middle)
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === '0') fit()
    else if (change === undefined) return
    else move(change)
    event.preventDefault()
  }
  return (
    <div class="map">
      <canvas
        ref={canvas}
        class="map-canvas"
        tabIndex={0}
        role="img"
        aria-label={`Map: ${vehicles.length} vehicles and ${hazards.length} hazards, listed beside it. Arrows move it, plus and minus zoom, 0 shows all.`}
        data-vehicles={vehicles.length}
        data-marks={marks.length}
        data-hazards={hazards.length}
        onKeyDown={onKeyDown}
        {...pointers}
      />
      <Buttons onZoom={(factor) => move((now) => zoomed(now, factor, middle))} onAll={fit} />
    </div>
  )
}

interface ButtonsProps {
  readonly onZoom: (factor: number) => void
  readonly onAll: () => void
}

function Buttons({ onZoom, onAll }: ButtonsProps) {
  return (
    <div class="map-buttons">
      <button type="button" aria-label="Zoom in" onClick={() => onZoom(ZOOM)}>
        +
      </button>
      <button type="button" aria-label="Zoom out" onClick={() => onZoom(1 / ZOOM)}>
        −
      </button>
      <button type="button" onClick={onAll}>
        All
      </button>
    </div>
  )
}

function keyChange(key: string, middle: Point): ((view: MapView) => MapView) | undefined {
  switch (key) {
    case 'ArrowLeft':
      return (view) => panned(view, PAN_PX, 0)
    case 'ArrowRight':
      return (view) => panned(view, -PAN_PX, 0)
    case 'ArrowUp':
      return (view) => panned(view, 0, PAN_PX)
    case 'ArrowDown':
      return (view) => panned(view, 0, -PAN_PX)
    case '+':
    case '=':
      return (view) => zoomed(view, ZOOM, middle)
    case '-':
      return (view) => zoomed(view, 1 / ZOOM, middle)
    default:
      return undefined
  }
}

function useSize(
  canvas: { readonly current: HTMLCanvasElement | null },
  set: (fn: (view: MapView) => MapView) => void,
) {
  useEffect(() => {
    const element = canvas.current!
    const observer = new ResizeObserver(() => {
      const { clientWidth: width, clientHeight: height } = element
      if (width > 0 && height > 0) set((view) => ({ ...view, width, height }))
    })
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
}

/** The wheel zooms at the pointer. Not as a property: only a listener that is not passive keeps the page from scrolling. */
function useWheel(
  canvas: { readonly current: HTMLCanvasElement | null },
  zoom: (factor: number, at: Point) => void,
): void {
  const latest = useRef(zoom)
  latest.current = zoom
  useEffect(() => {
    const element = canvas.current!
    const onWheel = (event: WheelEvent) => {
      event.preventDefault()
      const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * 30 : event.deltaY
      latest.current(Math.exp(-Math.max(-300, Math.min(300, pixels)) / 350), { x: event.offsetX, y: event.offsetY })
    }
    element.addEventListener('wheel', onWheel, { passive: false })
    return () => element.removeEventListener('wheel', onWheel)
  }, [])
}

/** One pointer drags, two pinch, and one that has not moved has tapped. */
function usePointers(move: (change: (view: MapView) => MapView) => void, onTap: (at: Point) => void) {
  const down = useRef(new Map<number, Point>())
  const isTap = useRef(false)
  const at = (event: PointerEvent) => ({ x: event.offsetX, y: event.offsetY })
  return {
    onPointerDown(event: PointerEvent) {
      const element = event.currentTarget as HTMLElement
      element.setPointerCapture(event.pointerId)
      down.current.set(event.pointerId, at(event))
      isTap.current = down.current.size === 1
    },
    onPointerMove(event: PointerEvent) {
      const before = down.current.get(event.pointerId)
      if (before === undefined) return
      const now = at(event)
      if (isTap.current && Math.hypot(now.x - before.x, now.y - before.y) < 4) return
      isTap.current = false
      const other = [...down.current].find(([id]) => id !== event.pointerId)?.[1]
      down.current.set(event.pointerId, now)
      if (other === undefined) return move((view) => panned(view, now.x - before.x, now.y - before.y))
      const factor = distance(now, other) / Math.max(1, distance(before, other))
      move((view) => zoomed(view, factor, { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 }))
    },
    onPointerUp(event: PointerEvent) {
      down.current.delete(event.pointerId)
      if (isTap.current) onTap(at(event))
      isTap.current = false
    },
    onPointerCancel(event: PointerEvent) {
      down.current.delete(event.pointerId)
      isTap.current = false
    },
  }
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y)
}
