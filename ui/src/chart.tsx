import { useLayoutEffect, useRef } from 'preact/hooks'
import UPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { alignedData, badSpans, type ChartLine } from './chart-data.ts'
import { digitsFor, numberText, unitText } from './format.ts'

interface ChartProps {
  readonly lines: readonly ChartLine[]
  /** What the chart covers, ms since the epoch. */
  readonly from: number
  readonly to: number
  readonly height: number
  /** Somebody has drawn over a part of it. */
  readonly onZoom: (from: number, to: number) => void
}

/** Lines are told apart by dash as well as by colour. */
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 5], [14, 4]] as const
export const MOST_LINES = DASHES.length

/** Values over time: a line of what was last, the band between least and most, hatched where the quality was bad. */
export function Chart({ lines, from, to, height, onZoom }: ChartProps) {
  const box = useRef<HTMLDivElement>(null)
  const zoom = useRef(onZoom)
  zoom.current = onZoom
  useLayoutEffect(() => {
    const target = box.current!
    const plot = new UPlot(optionsOf(target, { lines, from, to, height, zoom }), alignedData(lines), target)
    const watch = new ResizeObserver(() => plot.setSize({ width: target.clientWidth, height }))
    watch.observe(target)
    return () => {
      watch.disconnect()
      plot.destroy()
    }
  }, [lines, from, to, height])
  return <div ref={box} class="chart" />
}

interface Drawn {
  readonly lines: readonly ChartLine[]
  readonly from: number
  readonly to: number
  readonly height: number
  readonly zoom: { readonly current: (from: number, to: number) => void }
}

function optionsOf(target: HTMLElement, { lines, from, to, height, zoom }: Drawn): UPlot.Options {
  const colours = coloursOf(target)
  const units = [...new Set(lines.map(({ unit }) => unit ?? ''))]
  const axis = { stroke: colours.text, grid: { stroke: colours.grid, width: 1 }, ticks: { stroke: colours.grid } }
  return {
    width: target.clientWidth,
    height,
    ms: 1,
    cursor: { drag: { x: true, y: false, setScale: false } },
    scales: { x: { time: true, min: from, max: to, range: [from, to] } },
    axes: [axis, ...units.slice(0, 2).map((unit, at) => valueAxis(unit, at, axis))],
    series: [{}, ...lines.flatMap((line, nth) => seriesOf(line, nth, units, colours))],
    bands: lines.map((_, nth) => ({ series: [3 * nth + 2, 3 * nth + 3], fill: colours.bands[nth % MOST_LINES]! })),
    hooks: {
      drawClear: [(plot) => hatch(plot, lines, colours.hatch)],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select
          if (width < 5) return
          zoom.current(Math.floor(plot.posToVal(left, 'x')), Math.ceil(plot.posToVal(left + width, 'x')))
        },
      ],
    },
  }
}

function valueAxis(unit: string, at: number, axis: UPlot.Axis): UPlot.Axis {
  return {
    ...axis,
    scale: unit,
    side: at === 0 ? 3 : 1,
    size: 64,
    ...(at > 0 && { grid: { show: false } }),
    ...(unit !== '' && { label: unitText(unit), labelSize: 18, labelGap: 0 }),
    values: (_plot, ticks) => ticks.map((tick) => numberText(tick, digitsFor({}, ticks))),
  }
}

/** Of each line: what was last, the most, the least. */
function seriesOf(
  { name, unit = '', isStepped, isForecast }: ChartLine,
  nth: number,
  units: readonly string[],
  colours: Colours,
) {
  const scale = units.indexOf(unit) < 2 ? unit : units[0]!
  const value = (_plot: UPlot, number: number | null) =>
    number === null ? '–' : numberText(number, digitsFor({}, [number]))
  const line: UPlot.Series = {
    label: unit === '' ? name : `${name} ${unitText(unit)}`,
    scale,
    value,
    stroke: colours.lines[nth % MOST_LINES]!,
    width: 1.5,
    dash: [...dashOf(nth, isForecast)],
    points: { show: false },
    ...(isStepped && { paths: UPlot.paths.stepped!({ align: 1 }) }),
  }
  const edge = (label: string): UPlot.Series => ({
    label: `${label} ${name}`,
    scale,
    value,
    stroke: 'transparent',
    points: { show: false },
  })
  return [line, edge('most'), edge('least')]
}

/** The first dash is a whole line, which is for what was measured. */
function dashOf(nth: number, isForecast = false): readonly number[] {
  return isForecast ? DASHES[1 + (nth % (MOST_LINES - 1))]! : DASHES[nth % MOST_LINES]!
}

function hatch(plot: UPlot, lines: readonly ChartLine[], fill: string): void {
  const { ctx, bbox } = plot
  ctx.save()
  ctx.fillStyle = fill
  for (const line of lines) {
    for (const [from, to] of badSpans(line)) {
      const left = plot.valToPos(from, 'x', true)
      ctx.fillRect(left, bbox.top, Math.max(2, plot.valToPos(to, 'x', true) - left), bbox.height)
    }
  }
  ctx.restore()
}

interface Colours {
  readonly text: string
  readonly grid: string
  readonly hatch: string
  readonly lines: readonly string[]
  readonly bands: readonly string[]
}

/** The colours of the page, as a canvas takes them. */
function coloursOf(element: HTMLElement): Colours {
  const style = getComputedStyle(element)
  const colour = (name: string) => style.getPropertyValue(name).trim()
  const lines = DASHES.map((_, nth) => colour(`--series-${nth + 1}`))
  return {
    text: colour('--muted'),
    grid: colour('--line-soft'),
    hatch: colour('--bad-shade'),
    lines,
    bands: lines.map((line) => `color-mix(in srgb, ${line} 18%, transparent)`),
  }
}
