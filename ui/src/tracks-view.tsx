import { useLayoutEffect, useRef } from 'preact/hooks'
import type { Came, Fit, Tracks } from './tracks.ts'

/** Columns that are shown: what has just come, and what comes next. */
const SHOWN = { past: 14, ahead: 6 } as const

/** Sizes of the drawing, in px. */
const SIZE = { column: 78, box: 72, planned: 20, came: 92, boxHeight: 38, height: 136, beside: 46 } as const

/** Each deviation has a word, which is written out in the drawing. */
const WORDS: { readonly [fit in Fit]: string } = {
  right: '',
  swap: 'swapped',
  late: 'late',
  'wrong-variant': 'wrong variant',
  extra: 'extra',
}

interface TracksViewProps {
  readonly title: string
  readonly tracks: Tracks
}

/** Two tracks over the same columns, with a line from each part that came to where it was planned. */
export function TracksView({ title, tracks }: TracksViewProps) {
  const scroller = useRef<HTMLDivElement>(null)
  const from = Math.max(0, tracks.next - SHOWN.past)
  const to = Math.min(tracks.planned.length, tracks.next + SHOWN.ahead)
  const came = tracks.came.filter(({ column }) => column >= from)
  const x = (column: number) => (column - from) * SIZE.column + 4
  // What has no column of its own needs a row more.
  const height = SIZE.height + (came.some(({ fit }) => isBeside(fit)) ? SIZE.beside : 0)
  const width = (to - from) * SIZE.column + 8
  // What has just come is in sight, also where the drawing is wider than the screen.
  useLayoutEffect(() => {
    const element = scroller.current!
    element.scrollLeft = (tracks.next - from) * SIZE.column - element.clientWidth * 0.7
  }, [tracks.next])
  const odd = came.filter(({ fit }) => fit !== 'right').length + [...tracks.missing].filter((one) => one >= from).length
  return (
    <figure class="tracks" data-checkpoint={title}>
      <figcaption class="hint">
        <strong>{title}</strong> {odd === 0 ? 'in sequence' : `${odd} out of sequence`}
      </figcaption>
      <div class="tracks-scroll" ref={scroller} tabIndex={0} role="group" aria-label={`Plan and arrivals at ${title}`}>
        <svg width={width} height={height} role="img" aria-label={describe(tracks, came, from)}>
          <text class="track-name" x="4" y="13">
            planned
          </text>
          <text class="track-name" x="4" y={SIZE.came - 5}>
            came
          </text>
          <path class="track-now" d={`M${x(tracks.next) - 3} 4V${height - 4}`} />
          {tracks.planned.slice(from, to).map(({ order, position, variant }, index) => (
            <Box
              key={order}
              x={x(from + index)}
              y={SIZE.planned}
              top={order}
              below={variant ?? `no. ${position}`}
              kind={tracks.missing.has(from + index) ? 'missing' : from + index >= tracks.next ? 'ahead' : 'right'}
            />
          ))}
          {[...tracks.missing]
            .filter((column) => column >= from)
            .map((column) => (
              <g key={column} class="track-gap">
                <rect x={x(column)} y={SIZE.came} width={SIZE.box} height={SIZE.boxHeight} />
                <text x={x(column) + SIZE.box / 2} y={SIZE.came + 23}>
                  missing
                </text>
              </g>
            ))}
          {came.map((one, index) => (
            <Arrival key={index} one={one} tracks={tracks} from={from} x={x} />
          ))}
        </svg>
      </div>
    </figure>
  )
}

interface ArrivalProps {
  readonly one: Came
  readonly tracks: Tracks
  readonly from: number
  readonly x: (column: number) => number
}

function Arrival({ one, tracks, from, x }: ArrivalProps) {
  const { order, variant, column, fit } = one
  const own = tracks.planned.findIndex((planned) => planned.order === order)
  // What has no column of its own lies below the others, between two of them.
  const [left, top] = isBeside(fit) ? [x(column) + SIZE.column / 2, SIZE.came + SIZE.beside] : [x(column), SIZE.came]
  const mid = SIZE.box / 2
  return (
    <>
      {own >= from && (
        <path
          class="track-line"
          data-fit={fit}
          d={`M${x(own) + mid} ${SIZE.planned + SIZE.boxHeight}L${left + mid} ${top}`}
        />
      )}
      <Box x={left} y={top} top={order} below={WORDS[fit] || (variant ?? '')} kind={fit} />
    </>
  )
}

function isBeside(fit: Fit): boolean {
  return fit === 'late' || fit === 'extra'
}

interface BoxProps {
  readonly x: number
  readonly y: number
  readonly top: string
  readonly below: string
  readonly kind: Fit | 'missing' | 'ahead'
}

function Box({ x, y, top, below, kind }: BoxProps) {
  return (
    <g class="track-box" data-fit={kind}>
      <rect x={x} y={y} width={SIZE.box} height={SIZE.boxHeight} rx="4" />
      <text x={x + SIZE.box / 2} y={y + 16}>
        {short(top)}
      </text>
      <text class="track-below" x={x + SIZE.box / 2} y={y + 31}>
        {short(below)}
      </text>
    </g>
  )
}

/** The end of an order or VIN is what tells it from others. */
function short(text: string): string {
  return text.length <= 11 ? text : `…${text.slice(-10)}`
}

/** The drawing in words. */
function describe({ planned, missing }: Tracks, came: readonly Came[], from: number): string {
  const odd = came.filter(({ fit }) => fit !== 'right').map(({ order, fit }) => `${order} ${WORDS[fit]}`)
  const gone = [...missing].filter((column) => column >= from).map((column) => `${planned[column]!.order} missing`)
  const all = [...odd, ...gone]
  return all.length === 0 ? 'All came as planned' : all.join(', ')
}
