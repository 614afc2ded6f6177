import type { TwinView } from '../../src/api/contract.ts'
import { useAnswer } from './answer.ts'
import { isDrawn, type SeriesName } from './history-series.ts'
import type { Store } from './store.ts'
import { urlPath } from './route.ts'

interface ChipsProps {
  readonly store: Store
  /** The asset whose tags can be added. */
  readonly path: string
  readonly series: readonly SeriesName[]
  /** Series that are shown at most. */
  readonly most: number
  readonly onSeries: (series: readonly SeriesName[]) => void
}

/** What is looked at, each with a way to leave it out, and what can be added of the asset that is chosen. */
export function Chips({ store, path, series, most, onSeries }: ChipsProps) {
  const isAsset = store.tree.find(path)?.asset !== undefined
  const without = ({ asset, tag }: SeriesName) => series.filter((one) => one.asset !== asset || one.tag !== tag)
  return (
    <div class="chips">
      {series.length > 0 && (
        <ul aria-label="Looked at">
          {series.map((one, nth) => (
            <li key={`${one.asset}:${one.tag}`} class="chip" data-series={nth + 1}>
              <span>
                {one.asset.split('/').at(-1)} <strong>{one.tag}</strong>
              </span>
              <button type="button" aria-label={`Leave out ${one.tag}`} onClick={() => onSeries(without(one))}>
                ×
              </button>
            </li>
          ))}
        </ul>
      )}
      {isAsset && <Addable path={path} series={series} most={most} onSeries={onSeries} />}
    </div>
  )
}

function Addable({ path, series, most, onSeries }: Omit<ChipsProps, 'store'>) {
  const place = urlPath(path)
  const { value } = useAnswer<TwinView>(`/api/v1/assets/${place}`, 0)
  const has = (tag: string) => series.some((one) => one.asset === path && one.tag === tag)
  const tags = (value?.tags ?? []).filter((tag) => isDrawn(tag) && !has(tag.tag))
  if (tags.length === 0) return null
  const isFull = series.length >= most
  return (
    <ul aria-label={`Tags of ${path.split('/').at(-1)}`}>
      <li class="muted">Add of {path.split('/').at(-1)}:</li>
      {tags.map(({ tag }) => (
        <li key={tag}>
          <button
            class="chip add"
            type="button"
            disabled={isFull}
            onClick={() => onSeries([...series, { asset: path, tag }])}
          >
            + {tag}
          </button>
        </li>
      ))}
      {isFull && <li class="hint">at most {most}</li>}
    </ul>
  )
}
