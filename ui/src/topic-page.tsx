import { Fragment } from 'preact'
import type { BytesView, RecordsView, RecordView, TopicView } from '../../src/api/contract.ts'
import { useAnswer } from './answer.ts'
import { numberText } from './format.ts'
import { Problem } from './log-page.tsx'
import { topicHref, type RecordsPage } from './route.ts'

const EVERY_MS = 2_000

interface TopicPageProps {
  readonly topic: string
  readonly page: RecordsPage
}

/** The records of a topic, page by page, from any offset or time. The newest page follows the log. */
export function TopicPage({ topic, page }: TopicPageProps) {
  const base = `/api/v1/topics/${encodeURIComponent(topic)}`
  const isNewest = page.at === undefined && page.time === undefined
  const about = useAnswer<TopicView>(base, EVERY_MS)
  const records = useAnswer<RecordsView>(
    `${base}/records?${new URLSearchParams({ ...page }).toString()}`,
    isNewest ? EVERY_MS : 0,
  )
  return (
    <section class="log" aria-labelledby="topic-title">
      <nav class="crumbs" aria-label="Place">
        <ol>
          <li>
            <a href="#/log">Log</a>
          </li>
        </ol>
      </nav>
      <h1 id="topic-title">{topic}</h1>
      <Problem text={about.problem ?? records.problem} />
      {about.value && <Travel topic={about.value} page={page} />}
      {about.value && records.value && <Pages topic={about.value} page={page} shown={records.value} />}
      {records.value && <Records records={records.value.records} />}
    </section>
  )
}

/** Where to go in the log: a partition, a time, an offset. */
function Travel({ topic, page }: { readonly topic: TopicView; readonly page: RecordsPage }) {
  const { name, partitions, records } = topic
  const go = (to: RecordsPage) => (location.hash = topicHref(name, to))
  const keep: RecordsPage = page.partition === undefined ? {} : { partition: page.partition }
  const one = partitions.find(({ partition }) => String(partition) === page.partition)
  return (
    <div class="card travel">
      <p class="muted num">
        {numberText(records, 0)} records in {partitions.length} {partitions.length === 1 ? 'partition' : 'partitions'}
        {one && `; partition ${one.partition} has offsets ${one.start} to ${one.end - 1}`}
      </p>
      <div class="travel-fields">
        <label>
          Partition
          <select
            value={page.partition ?? ''}
            onChange={({ currentTarget: { value } }) => go(value === '' ? {} : { partition: value })}
          >
            <option value="">all</option>
            {partitions.map(({ partition }) => (
              <option key={partition} value={String(partition)}>
                {partition}
              </option>
            ))}
          </select>
        </label>
        <label>
          From time
          <input
            type="datetime-local"
            step="1"
            onChange={({ currentTarget: { value } }) => {
              const time = Date.parse(value)
              if (Number.isFinite(time)) go({ ...keep, time: new Date(time).toISOString() })
            }}
          />
        </label>
        {one && (
          <label>
            From offset
            <input
              type="number"
              min={one.start}
              max={one.end}
              onChange={({ currentTarget: { value } }) => {
                if (/^\d+$/.test(value)) go({ ...keep, at: `${one.partition}:${value}` })
              }}
            />
          </label>
        )}
      </div>
    </div>
  )
}

interface PagesProps {
  readonly topic: TopicView
  readonly page: RecordsPage
  readonly shown: RecordsView
}

/** Back and forth in time. */
function Pages({ topic, page, shown }: PagesProps) {
  const keep: RecordsPage = page.partition === undefined ? {} : { partition: page.partition }
  const starts = topic.partitions.map(({ partition, start }) => `${partition}:${start}`).join(',')
  const isNewest = page.at === undefined && page.time === undefined
  return (
    <nav class="pages" aria-label="Pages of records">
      <a href={topicHref(topic.name, { ...keep, at: starts })}>Oldest</a>
      <a href={topicHref(topic.name, { ...keep, at: shown.before, back: 'true' })}>Older</a>
      {!isNewest && <a href={topicHref(topic.name, { ...keep, at: shown.after })}>Newer</a>}
      {!isNewest && <a href={topicHref(topic.name, keep)}>Newest</a>}
      {isNewest && <span class="muted">newest, following</span>}
    </nav>
  )
}

/** Newest on top, as people read what just happened. */
function Records({ records }: { readonly records: readonly RecordView[] }) {
  if (records.length === 0) return <p class="hint">No records here.</p>
  return (
    <ul class="card records">
      {records.toReversed().map((record) => (
        <li key={`${record.partition}:${record.offset}`} data-record={`${record.partition}:${record.offset}`}>
          <RecordRow record={record} />
        </li>
      ))}
    </ul>
  )
}

function RecordRow({ record }: { readonly record: RecordView }) {
  const { partition, offset, timestamp, key, value, headers } = record
  return (
    <details class="record">
      <summary>
        <span class="num record-place" title="partition:offset">
          {partition}:{offset}
        </span>
        <time class="num record-time" dateTime={isoTime(timestamp)} title={isoTime(timestamp)}>
          {timeText(timestamp)}
        </time>
        <span class="path record-key">{bytesText(key)}</span>
        <span class="path record-value muted">{value === null ? 'tombstone' : bytesText(value).slice(0, 300)}</span>
      </summary>
      <dl class="record-whole">
        <dt>Time</dt>
        <dd class="num">{isoTime(timestamp) ?? String(timestamp)}</dd>
        <dt>Key</dt>
        <dd class="path">{bytesText(key)}</dd>
        {headers.map(({ name, value: header }, at) => (
          <Fragment key={at}>
            <dt>Header {name}</dt>
            <dd class="path">{bytesText(header)}</dd>
          </Fragment>
        ))}
        <dt>Value</dt>
        <dd>
          {value === null ? <span class="muted">none: a tombstone</span> : <pre class="path">{prettyText(value)}</pre>}
        </dd>
      </dl>
    </details>
  )
}

function bytesText(bytes: BytesView | null): string {
  if (bytes === null) return '–'
  const text = bytes.text ?? `base64 ${bytes.base64 ?? ''}`
  return isCut(bytes) ? `${text} …` : text
}

/** JSON with line breaks, all else as it is. */
function prettyText(bytes: BytesView): string {
  if (bytes.text === undefined || isCut(bytes)) return `${bytesText(bytes)}\n${numberText(bytes.bytes, 0)} bytes`
  try {
    return JSON.stringify(JSON.parse(bytes.text), null, 2)
  } catch {
    return bytes.text
  }
}

/** At most 16 KiB of a value are shown. */
function isCut({ bytes }: BytesView): boolean {
  return bytes > 16 * 1024
}

/** The day only where it is not today. */
function timeText(timestamp: number): string {
  const date = new Date(timestamp)
  if (Number.isNaN(date.getTime())) return String(timestamp)
  const isToday = date.toDateString() === new Date().toDateString()
  return isToday ? date.toLocaleTimeString() : `${date.toLocaleDateString()} ${date.toLocaleTimeString()}`
}

function isoTime(timestamp: number): string | undefined {
  const date = new Date(timestamp)
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString()
}
