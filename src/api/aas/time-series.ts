import { formatTime } from '../../model/rfc3339.ts'
import { qualityName } from '../../model/quality.ts'
import type { HistoryView } from '../contract-history.ts'
import type { TwinView } from '../contract.ts'
import type { HistoryPort } from '../history-port.ts'
import { collection, multiLanguage, property, submodel } from './element.ts'
import { idShortsOf } from './id-short.ts'
import { conceptId, submodelId } from './ids.ts'
import type { JsonObject } from './json.ts'
import { valueProperty } from './operational-data.ts'

/** The part of the past that lies in the submodel itself: newest values of each tag, and how far back they may be. */
const INTERNAL = { samples: 100, ms: 3_600_000 } as const

const BASE = 'https://admin-shell.io/idta/TimeSeries/'
/** Semantic id of the submodel. */
export const TIME_SERIES = `${BASE}1/1`

const about = (name: string) => ({ semanticId: `${BASE}${name}/1/1` })

/**
 * The history of an asset as IDTA 02008-1-1 has it: the newest values as an internal segment, all others where a linked segment
 * says. A record has the values of one time; what is not Good says so beside the value.
 * @param base address of this hub, with a slash at its end
 */
export async function timeSeries(
  twin: TwinView,
  history: HistoryPort,
  { base, now, signal }: { readonly base: string; readonly now: number; readonly signal: AbortSignal },
): Promise<JsonObject> {
  // Backwards: where there are more, the newest count.
  const span = { from: now, to: now - INTERNAL.ms, limit: INTERNAL.samples }
  const view = await history.samples({ kind: 'samples', of: { asset: twin.path }, ...span }, signal)
  const names = new Map(
    zip(
      twin.tags.map(({ tag }) => tag),
      idShortsOf(['Time', ...twin.tags.map(({ tag }) => tag)]).slice(1),
    ),
  )
  const records = recordsOf(view, names)
  const elements = [
    collection(
      'Metadata',
      [
        multiLanguage('Name', twin.path, about('Metadata/Name')),
        multiLanguage(
          'Description',
          'Values as the asset sent them, by its own clock (UTC)',
          about('Metadata/Description'),
        ),
        collection(
          'Record',
          [timeProperty(undefined), ...twin.tags.map((tag) => column(twin, tag, names))],
          about('Record'),
        ),
      ],
      about('Metadata'),
    ),
    collection('Segments', [linked(twin, base), ...internal(records)], about('Segments')),
  ]
  return submodel(submodelId(twin.path, 'TimeSeries'), 'TimeSeries', { semanticId: TIME_SERIES }, elements)
}

/** The same without elements, for which history would have to be asked. */
export function briefSeries(path: string): JsonObject {
  return submodel(submodelId(path, 'TimeSeries'), 'TimeSeries', { semanticId: TIME_SERIES }, [])
}

/** Values by their time, oldest first. */
function recordsOf(
  view: HistoryView,
  names: ReadonlyMap<string, string>,
): readonly (readonly [number, JsonObject[]])[] {
  const byTime = new Map<number, JsonObject[]>()
  for (const { tag, type, samples } of view.series) {
    const name = names.get(tag)
    // A tag that was not there a moment ago, when the twin was looked at.
    if (name === undefined) continue
    for (const [time, value, quality] of samples) {
      const record = byTime.get(time) ?? []
      record.push(valueProperty(name, type, value))
      if (quality !== 0) record.push(property(`${name}_Quality`, 'xs:string', qualityName(quality)))
      byTime.set(time, record)
    }
  }
  return [...byTime].sort(([a], [b]) => a - b)
}

function internal(records: readonly (readonly [number, JsonObject[]])[]): readonly JsonObject[] {
  const [first, last] = [records[0], records.at(-1)]
  if (first === undefined || last === undefined) return []
  const width = String(records.length).length
  const rows = records.map(([time, values], index) =>
    collection(`Record${String(index + 1).padStart(width, '0')}`, [timeProperty(time), ...values], about('Record')),
  )
  return [
    collection(
      'InternalSegment',
      [
        multiLanguage('Name', 'The newest values', about('Segment/Name')),
        property('RecordCount', 'xs:long', records.length, about('Segment/RecordCount')),
        property('StartTime', 'xs:string', formatTime(first[0]), about('Segment/StartTime')),
        property('EndTime', 'xs:string', formatTime(last[0]), about('Segment/EndTime')),
        property('State', 'xs:string', 'in progress', about('Segment/State')),
        collection('Records', rows, about('Records')),
      ],
      about('Segments/InternalSegment'),
    ),
  ]
}

function linked({ path }: TwinView, base: string): JsonObject {
  const endpoint = `${base}api/v1/assets/${path.split('/').map(encodeURIComponent).join('/')}/history`
  return collection(
    'LinkedSegment',
    [
      multiLanguage('Name', 'All that is kept', about('Segment/Name')),
      property('State', 'xs:string', 'in progress', about('Segment/State')),
      property('Endpoint', 'xs:string', endpoint, about('Endpoint')),
      property('Query', 'xs:string', 'from={time}&to={time}', about('Query')),
    ],
    about('Segments/LinkedSegment'),
  )
}

function column(
  twin: TwinView,
  { tag, type }: TwinView['tags'][number],
  names: ReadonlyMap<string, string>,
): JsonObject {
  return valueProperty(names.get(tag)!, type, null, { semanticId: conceptId(twin.model ?? twin.path, tag) })
}

function timeProperty(time: number | undefined): JsonObject {
  return property('Time', 'xs:dateTime', time === undefined ? undefined : formatTime(time), about('UtcTime'))
}

function zip<A, B>(keys: readonly A[], values: readonly B[]): [A, B][] {
  return keys.map((key, index) => [key, values[index]!])
}
