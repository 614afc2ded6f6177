import { ageText } from './format.ts'
import type { Hazard } from './hazards.ts'
import type { Mark } from './map-clusters.ts'
import { cellBounds, degreesText, graticule, lengthText, scaleBar, toScreen, type MapView } from './map-view.ts'

/** What is on the map. */
export interface Drawing {
  readonly view: MapView
  readonly marks: readonly Mark[]
  readonly hazards: readonly Hazard[]
  readonly warned: ReadonlySet<string>
  readonly selected: string | undefined
  /** By the hub's clock. */
  readonly now: number
}

/** Colours of the page, read from its style sheet so that day and night are the same code. */
type Palette = { readonly [name in (typeof COLOURS)[number]]: string }
const COLOURS = ['ground', 'raised', 'line', 'text', 'muted', 'ink', 'fill', 'bad', 'bad-ground', 'doubt-mark'] as const

const FONT = '12px system-ui, sans-serif'
const GRID_PX = 110
const SCALE_PX = 120

/** Draws the whole map: graticule, hazards, vehicles, scale; at the resolution of the screen. */
export function drawMap(canvas: HTMLCanvasElement, drawing: Drawing): void {
  const { width, height } = drawing.view
  const ratio = devicePixelRatio
  // Setting a size clears the canvas, also where it is the same.
  canvas.width = Math.round(width * ratio)
  canvas.height = Math.round(height * ratio)
  const context = canvas.getContext('2d')!
  const palette = paletteOf(canvas)
  context.scale(ratio, ratio)
  context.fillStyle = palette.raised
  context.fillRect(0, 0, width, height)
  context.font = FONT
  drawGraticule(context, palette, drawing.view)
  for (const hazard of drawing.hazards) drawCell(context, palette, drawing.view, hazard)
  for (const mark of drawing.marks) drawMark(context, palette, drawing, mark)
  for (const hazard of drawing.hazards) drawHazard(context, palette, drawing, hazard)
  drawScale(context, palette, drawing.view)
}

function paletteOf(canvas: HTMLCanvasElement): Palette {
  const style = getComputedStyle(canvas)
  return Object.fromEntries(COLOURS.map((name) => [name, style.getPropertyValue(`--${name}`)])) as Palette
}

function drawGraticule(context: CanvasRenderingContext2D, palette: Palette, view: MapView): void {
  const { step, lats, lons } = graticule(view, GRID_PX)
  context.strokeStyle = palette.line
  context.fillStyle = palette.muted
  context.lineWidth = 1
  context.textAlign = 'left'
  for (const lat of lats) {
    const y = Math.round(toScreen(view, { lat, lon: view.middle.lon }).y) + 0.5
    line(context, 0, y, view.width, y)
    if (y > 30 && y < view.height - 40) context.fillText(degreesText(lat, step, ['N', 'S']), 6, y - 4)
  }
  for (const lon of lons) {
    const x = Math.round(toScreen(view, { lat: view.middle.lat, lon }).x) + 0.5
    line(context, x, 0, x, view.height)
    if (x > 4 && x < view.width - 60) context.fillText(degreesText(lon, step, ['E', 'W']), x + 4, 14)
  }
}

/** The cell that is meant: a frame with hatching, so that it is told without colour too. */
function drawCell(context: CanvasRenderingContext2D, palette: Palette, view: MapView, { cell }: Hazard): void {
  const bounds = cellBounds(cell)
  if (bounds === undefined) return
  const from = toScreen(view, { lat: bounds.north.lat, lon: bounds.south.lon })
  const to = toScreen(view, { lat: bounds.south.lat, lon: bounds.north.lon })
  const [width, height] = [to.x - from.x, to.y - from.y]
  if (width < 4) return
  context.save()
  context.beginPath()
  context.rect(from.x, from.y, width, height)
  context.fillStyle = palette['bad-ground']
  context.globalAlpha = 0.75
  context.fill()
  context.clip()
  context.strokeStyle = palette.bad
  context.lineWidth = 1
  context.globalAlpha = 0.45
  for (let x = from.x - height; x < to.x; x += 9) line(context, x, to.y, x + height, from.y)
  context.restore()
  context.strokeStyle = palette.bad
  context.lineWidth = 1.5
  context.strokeRect(from.x, from.y, width, height)
}

function drawMark(context: CanvasRenderingContext2D, palette: Palette, drawing: Drawing, mark: Mark): void {
  if ('count' in mark) return drawCluster(context, palette, mark)
  const { vehicle, x, y } = mark
  context.save()
  context.translate(x, y)
  context.lineWidth = 1.6
  if (drawing.warned.has(vehicle.path)) ring(context, palette['doubt-mark'], 10)
  if (drawing.selected === vehicle.path) ring(context, palette.text, 13)
  context.rotate(vehicle.heading ?? 0)
  context.beginPath()
  // An arrow where it is known where it goes, else a disc.
  if (vehicle.heading === undefined) context.arc(0, 0, 4.5, 0, 2 * Math.PI)
  else polygon(context, [0, -8], [5, 6], [0, 3], [-5, 6])
  if (vehicle.stale) {
    context.setLineDash([2.5, 2])
    context.strokeStyle = palette.muted
    context.stroke()
  } else {
    context.fillStyle = palette.ink
    context.fill()
  }
  context.restore()
}

function ring(context: CanvasRenderingContext2D, colour: string, radius: number): void {
  context.strokeStyle = colour
  context.beginPath()
  context.arc(0, 0, radius, 0, 2 * Math.PI)
  context.stroke()
}

function drawCluster(
  context: CanvasRenderingContext2D,
  palette: Palette,
  mark: Mark & { readonly count: number },
): void {
  const text = String(mark.count)
  context.beginPath()
  context.arc(mark.x, mark.y, Math.min(24, 9 + 2.2 * Math.log2(mark.count)), 0, 2 * Math.PI)
  context.fillStyle = palette.fill
  context.fill()
  context.strokeStyle = palette.ink
  context.lineWidth = 1
  context.stroke()
  context.fillStyle = palette.text
  context.textAlign = 'center'
  context.fillText(text, mark.x, mark.y + 4)
}

/** A warning triangle with what it is, how many have seen it, and for how long. */
function drawHazard(context: CanvasRenderingContext2D, palette: Palette, drawing: Drawing, hazard: Hazard): void {
  const { x, y } = toScreen(drawing.view, hazard)
  context.save()
  context.translate(x, y)
  context.beginPath()
  polygon(context, [0, -12], [12, 9], [-12, 9])
  context.fillStyle = palette.bad
  context.fill()
  context.strokeStyle = palette.raised
  context.lineWidth = 1.5
  context.stroke()
  context.fillStyle = palette.raised
  context.textAlign = 'center'
  context.font = `bold ${FONT}`
  context.fillText('!', 0, 6)
  const text = `${hazard.kind}, ${hazard.cars} cars, ${ageText(drawing.now - hazard.since)}`
  const width = context.measureText(text).width
  context.textAlign = 'left'
  // Beside it, or below it where there is no room, but always in sight.
  const isBeside = x + 22 + width <= drawing.view.width
  const left = isBeside ? 18 : Math.max(6 - x, drawing.view.width - 8 - width - x)
  const top = isBeside ? 5 : 25
  context.fillRect(left - 4, top - 14, width + 8, 19)
  context.fillStyle = palette.bad
  context.fillText(text, left, top)
  context.restore()
}

function drawScale(context: CanvasRenderingContext2D, palette: Palette, view: MapView): void {
  const { metres, px } = scaleBar(view, SCALE_PX)
  const [x, y] = [12.5, view.height - 14.5]
  context.strokeStyle = palette.text
  context.fillStyle = palette.text
  context.lineWidth = 1.5
  context.beginPath()
  context.moveTo(x, y - 6)
  context.lineTo(x, y)
  context.lineTo(x + px, y)
  context.lineTo(x + px, y - 6)
  context.stroke()
  context.textAlign = 'left'
  context.fillText(lengthText(metres), x + 5, y - 5)
}

function line(context: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  context.beginPath()
  context.moveTo(x1, y1)
  context.lineTo(x2, y2)
  context.stroke()
}

function polygon(context: CanvasRenderingContext2D, ...points: readonly (readonly [number, number])[]): void {
  points.forEach(([x, y], index) => (index === 0 ? context.moveTo(x, y) : context.lineTo(x, y)))
  context.closePath()
}
