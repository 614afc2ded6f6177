import { textAt, type Answer } from './answer.ts'
import type { Snapshot } from './archive.ts'
import type { HistoryMoment, HistorySample, HistorySamples } from './history-reader.ts'
import { overlaps, type LakeFile } from './manifest.ts'
import type { Query } from './queries.ts'
import type { Side, Span } from './outermost-sql.ts'
import type { QuerySources } from './sql.ts'

/** What is looked for, and in what. */
export interface OutermostQuery {
  readonly tags: HistoryMoment['tags']
  readonly side: Side
  readonly snapshot: Snapshot
}

export interface OutermostStore {
  sources(snapshot: Snapshot): QuerySources
  ask(query: Query): Promise<Answer>
  sampleAt(answer: Answer, row: number): HistorySample
}

/** Tags that are looked for, by asset. */
type Open = ReadonlyMap<string, ReadonlySet<string>>

const MINUTE_US = 60_000_000
const HOUR_US = 60 * MINUTE_US

/** Tags that are looked for among the samples first: it takes one question where roll-ups take two. */
const FEW = 32
/** Samples of each of them that are gone through, if it has as many as others. */
const NEAR_SAMPLES = 300

/**
 * The outermost samples on one side of a moment, of all tags in one go. Roll-ups say in which minute each lies, and mostly
 * when; only that is read of the samples. In the day of the moment nearly all are found: days further away are looked at
 * for what is left, twice as many each time. Of a few tags the samples near the moment are looked through before.
 */
export async function outermostSamples(
  { tags, side, snapshot }: OutermostQuery,
  store: OutermostStore,
): Promise<HistorySamples> {
  const files = snapshot.files.filter((file) => overlaps(file, side))
  const search = new Search(snapshot, store)
  const found = new Map([...tags.keys()].map((asset) => [asset, new Map<string, HistorySample>()]))
  let open: Open = new Map([...tags].map(([asset, names]) => [asset, new Set(names)]))
  if ([...open.values()].reduce((sum, names) => sum + names.size, 0) <= FEW) {
    await search.lookNear(open, files, side, found)
    open = left(open, (asset, tag) => found.get(asset)!.has(tag))
    if (open.size === 0) return found
  }
  let { generations } = snapshot
  for (const { near, far } of outwards(files, side.newest)) {
    await search.look(open, { files: near, generations }, side, found)
    // What is in memory has been looked at.
    generations = []
    const next = reach(far, side.newest)
    open = left(open, (asset, tag) => isNearer(found.get(asset)?.get(tag), next, side.newest))
    if (open.size === 0) break
  }
  return found
}

type Found = ReadonlyMap<string, Map<string, HistorySample>>

class Search {
  readonly #snapshot: Snapshot
  readonly #store: OutermostStore

  constructor(snapshot: Snapshot, store: OutermostStore) {
    this.#snapshot = snapshot
    this.#store = store
  }

  /** Looks through the samples that are nearest to the moment: what is found there is the outermost. */
  async lookNear(open: Open, files: readonly LakeFile[], side: Side, found: Found): Promise<void> {
    const range = nearRange(files, side)
    const within = this.#snapshot.files.filter((file) => overlaps(file, range))
    const sources = this.#store.sources({ ...this.#snapshot, files: within })
    const answer = await this.#store.ask({ kind: 'outermost', sources, ...namesOf(open), ...side, ...range })
    this.#take(answer, (asset, tag) => open.get(asset)?.has(tag) === true, found)
  }

  /** Looks for samples in some files and generations that lie further out than those that were found, and for tags without any. */
  async look(open: Open, within: Snapshot, side: Side, found: Found): Promise<void> {
    const spans = (await this.#spans(open, within, side)).filter((span) => !isBeyond(found, span, side.newest))
    const missing: Span[] = []
    for (const [, near] of [...Map.groupBy(spans, hourOf)].sort(([a], [b]) => a - b))
      missing.push(...(await this.#read(near, side, found)))
    // A good one that a later one with the same time has taken the place of: it is looked for beyond that minute.
    for (const [minute, of] of Map.groupBy(missing, minuteOf)) {
      const beyond = side.newest ? { ...side, toUs: minute } : { ...side, fromUs: minute + MINUTE_US }
      await this.look(openOf(of), within, beyond, found)
    }
  }

  /** Where the outermost sample of each tag lies. */
  async #spans(open: Open, within: Snapshot, side: Side): Promise<Span[]> {
    const sources = this.#store.sources(within)
    const { rows, numbers, texts } = await this.#store.ask({
      kind: 'spans',
      sources,
      ...namesOf(open),
      ...side,
    })
    const spans = Array.from({ length: rows }, (_, row) => ({
      asset: textAt(texts['asset']!, row)!,
      tag: textAt(texts['tag']!, row)!,
      fromUs: numbers['from_us']![row]!,
      toUs: numbers['to_us']![row]!,
    }))
    return spans.filter(({ asset, tag }) => open.get(asset)?.has(tag))
  }

  /** Takes the outermost samples within spans that lie near one another; answers the spans without any. */
  async #read(spans: readonly Span[], side: Side, found: Found): Promise<Span[]> {
    const range = {
      fromUs: spans.reduce((least, { fromUs }) => Math.min(least, fromUs), Infinity),
      toUs: spans.reduce((most, { toUs }) => Math.max(most, toUs), -Infinity),
    }
    const files = this.#snapshot.files.filter((file) => overlaps(file, range))
    const sources = this.#store.sources({ ...this.#snapshot, files })
    const missing = new Map(spans.map((span) => [keyOf(span), span]))
    const names = namesOf(openOf(spans))
    // One has no need of a table: the range is its span.
    const own = spans.length === 1 ? {} : { spans }
    const answer = await this.#store.ask({ kind: 'outermost', sources, ...own, ...names, ...side, ...range })
    this.#take(answer, (asset, tag) => missing.delete(keyOf({ asset, tag })), found)
    return [...missing.values()]
  }

  #take(answer: Answer, isMeant: (asset: string, tag: string) => boolean, found: Found): void {
    for (let row = 0; row < answer.rows; row++) {
      const [asset, tag] = [textAt(answer.texts['asset']!, row)!, textAt(answer.texts['tag']!, row)!]
      if (isMeant(asset, tag)) found.get(asset)!.set(tag, this.#store.sampleAt(answer, row))
    }
  }
}

/** The time around the moment, or the nearest one that files hold, in which a tag has so many samples on the average. */
function nearRange(files: readonly LakeFile[], { newest, fromUs = -Infinity, toUs = Infinity }: Side) {
  const [first] = outwards(files, newest)
  const day = first?.near ?? []
  const rows = day.reduce((sum, file) => sum + file.rows, 0)
  const minutes = day.reduce((sum, file) => sum + file.rollups, 0)
  const lengthUs = Math.ceil(NEAR_SAMPLES * (minutes / Math.max(rows, 1))) * MINUTE_US
  const edge = reach(day, newest)
  return newest
    ? { fromUs: Math.min(edge, toUs) - lengthUs, toUs }
    : { fromUs, toUs: Math.max(edge, fromUs) + 1 + lengthUs }
}

function openOf(spans: readonly Span[]): Open {
  const byAsset = Map.groupBy(spans, ({ asset }) => asset)
  return new Map([...byAsset].map(([asset, own]) => [asset, new Set(own.map(({ tag }) => tag))]))
}

function namesOf(open: Open) {
  return { assets: [...open.keys()], tags: [...new Set([...open.values()].flatMap((names) => [...names]))] }
}

/** Files by days, from the moment outwards: one day, then two, four and so on; `far` are all that lie further out. */
function* outwards(
  files: readonly LakeFile[],
  newest: boolean,
): Iterable<{ readonly near: readonly LakeFile[]; readonly far: readonly LakeFile[] }> {
  const days = [...Map.groupBy(files, ({ day }) => day)]
    .sort(([a], [b]) => (newest ? b - a : a - b))
    .map(([, ofDay]) => ofDay)
  let from = 0
  for (let count = 1; from === 0 || from < days.length; count *= 2) {
    const to = from + count
    yield { near: days.slice(from, to).flat(), far: days.slice(to).flat() }
    from = to
  }
}

function left(open: Open, isDone: (asset: string, tag: string) => boolean): Open {
  const rest = [...open].map(
    ([asset, tags]) => [asset, new Set([...tags].filter((tag) => !isDone(asset, tag)))] as const,
  )
  return new Map(rest.filter(([, tags]) => tags.size > 0))
}

/** The nearest time that files hold, in µs. */
function reach(files: readonly LakeFile[], newest: boolean): number {
  return newest
    ? files.reduce((most, { maxUs }) => Math.max(most, maxUs), -Infinity)
    : files.reduce((least, { minUs }) => Math.min(least, minUs), Infinity)
}

/** Whether a sample, perhaps one from memory, is nearer to the moment than a time. */
function isNearer(known: HistorySample | undefined, us: number, newest: boolean): boolean {
  if (known === undefined) return false
  return newest ? micros(known) > us : micros(known) < us
}

/** Whether nothing within a span can be nearer to the moment than what was found. */
function isBeyond(found: Found, { asset, tag, fromUs, toUs }: Span, newest: boolean): boolean {
  const known = found.get(asset)?.get(tag)
  if (known === undefined) return false
  return newest ? micros(known) >= toUs : micros(known) < fromUs
}

const micros = ({ time }: HistorySample): number => Math.round(time * 1000)
const hourOf = ({ fromUs }: Span): number => Math.floor(fromUs / HOUR_US)
const minuteOf = ({ fromUs }: Span): number => Math.floor(fromUs / MINUTE_US) * MINUTE_US

/** A path has no line break. */
const keyOf = ({ asset, tag }: Pick<Span, 'asset' | 'tag'>): string => `${asset}\n${tag}`
