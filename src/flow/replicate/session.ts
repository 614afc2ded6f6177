import { LogError, type Appended, type Log, type NewRecord } from '../../log/log.ts'
import type { System } from '../../system/system.ts'
import { unlessAborted, within } from '../../system/wait.ts'
import { again, beginning, type Detour } from './begin.ts'
import { Outlet } from './outlet.ts'
import type { Pace } from './pace.ts'
import { placeOf, Positions, type Claim, type SavedPosition, type SavedState } from './positions.ts'
import { extend, findTail, isAhead, type Found, type Known } from './recover.ts'
import { isWhole, type ReplicationRules } from './rules.ts'
import { Selection } from './selection.ts'
import { carriedTopics, isBook, isOrdered, refusedRecord, replicaSpec, type CarriedTopic } from './topics.ts'
import { nameMatches } from './thin.ts'
import { Track, type Progress } from './track.ts'

export interface SessionOptions {
  readonly rules: ReplicationRules
  readonly source: Log
  readonly target: Log
  readonly pace: Pace | undefined
  readonly system: Pick<System, 'clock' | 'random' | 'logger'>
  readonly timing: Timing
  /** See `TrackOptions`. */
  readonly lotRecords?: number
  /** Retention has taken records of the source before they were carried; resolves when that is written down. */
  readonly onLost: (topic: string, partition: number, from: number, to: number) => Promise<void>
}

export interface Timing {
  /** How often positions are written down. */
  readonly checkpointMs: number
  /** The same for topics that are thinned: what is held back is sent then. */
  readonly thinnedCheckpointMs: number
  /** How long what a run that did not end cleanly has sent may still be on its way into the target. */
  readonly settleMs: number
  /** How often the source is looked at for new topics. */
  readonly discoverMs: number
  /** How long an end may take. */
  readonly graceMs: number
}

/** One topic that is carried. */
export interface CarriedTracks {
  readonly topic: CarriedTopic
  readonly tracks: readonly Track[]
}

/** Rounds of looking for what still arrives; each needs something to have arrived. */
const MOST_SETTLING = 20

/**
 * One run of a replication, from claiming its name in the target until something there fails or it is stopped. Every
 * run finds out anew what the target holds, so nothing of an earlier one needs to be known.
 */
export class Session {
  readonly #options: SessionOptions
  readonly #positions: Positions
  readonly #topics = new Map<string, CarriedTracks>()
  readonly #saved = new Map<string, string>()
  /** By place: what an earlier run has sent beyond it, for as long as some of that is still to be passed over. */
  readonly #again = new Map<string, { readonly known: Known; readonly ends: readonly number[] }>()
  readonly #failed = Promise.withResolvers<never>()
  readonly #running: Promise<void>[] = []
  #claim: Claim | undefined
  #thinnedAt = 0
  readonly #over = new AbortController()
  #opened = false
  #moved = Promise.withResolvers<void>()

  constructor(options: SessionOptions) {
    const { target, rules } = options
    this.#options = options
    this.#positions = new Positions(target, rules.site, rules.name, (topic, records) => this.#give(topic, records))
    this.#failed.promise.catch(() => {})
  }

  get topics(): readonly CarriedTracks[] {
    return [...this.#topics.values()]
  }

  /** Whether every topic that was there at the start is being carried. */
  get opened(): boolean {
    return this.#opened
  }

  get epoch(): number {
    return this.#claim?.epoch ?? 0
  }

  /**
   * Until the signal aborts, which ends it cleanly within the grace.
   * @throws LogError `REPLICATION_FENCED` where another took over; as the target's calls where it does not take records
   */
  async run(signal: AbortSignal): Promise<void> {
    const stop = new AbortController()
    const ending = AbortSignal.any([signal, stop.signal])
    if (ending.aborted) return
    try {
      const state = await unlessAborted(this.#takeOver(), ending)
      if (state === undefined) return
      this.#follow(this.#positions.watch(this.#claim!, state.next, ending))
      this.#follow(this.#keepOpening(state, ending))
      this.#follow(this.#keepWriting(ending))
      await unlessAborted(this.#failed.promise, ending)
      await this.#end()
    } finally {
      stop.abort()
      await this.#within(Promise.allSettled(this.#running))
      this.#over.abort()
    }
  }

  /** What the grace has cut off must not go on behind the next run, which has looked by then. */
  #give(topic: string, records: readonly NewRecord[]): Promise<readonly Appended[]> {
    if (!this.#over.signal.aborted) return this.#options.target.append(topic, records)
    const message = `Cannot replicate to "${topic}": the run is over, want it within its grace`
    return Promise.reject(new LogError('LOG_CLOSED', message, { retriable: false }))
  }

  async #takeOver(): Promise<SavedState> {
    const { rules, system } = this.#options
    const before = await this.#positions.load()
    this.#claim = {
      epoch: (before.claim?.epoch ?? 0) + 1,
      holder: hex(system.random.bytes(8)),
      line: before.claim?.line ?? hex(system.random.bytes(4)),
      whole: isWhole(rules),
      ordered: rules.catchUp.order === 'in-order',
      books: rules.topics.some((wanted) => nameMatches(wanted, 'ledger')),
      at: Math.trunc(system.clock.now()),
    }
    const state = await this.#positions.claim(this.#claim)
    return { ...state, claim: before.claim }
  }

  /** Whatever of the run fails ends it. */
  #follow(work: Promise<void>): void {
    this.#running.push(work)
    work.catch((error: unknown) => this.#failed.reject(error))
  }

  /** Begins with every topic that is there, and with those that come. */
  async #keepOpening(state: SavedState, signal: AbortSignal): Promise<void> {
    const { source, rules, system, timing } = this.#options
    let settle = state.claim !== undefined && state.claim.released !== true
    while (!signal.aborted) {
      const found = carriedTopics(rules, await source.topics())
      const fresh = found.filter(({ name }) => !this.#topics.has(name))
      await Promise.all(fresh.map((topic) => this.#open(topic, state, settle, signal)))
      settle = false
      this.#opened = true
      await system.clock.sleep(timing.discoverMs, signal).catch(() => {})
    }
  }

  async #open(topic: CarriedTopic, state: SavedState, settle: boolean, signal: AbortSignal): Promise<void> {
    const { source, target, rules } = this.#options
    const { line } = this.#claim!
    const there = (await target.topics()).find(({ name }) => name === topic.name)
    // A topic that is there is taken as it is.
    await target.ensure([there ?? replicaSpec(rules, topic.kind)])
    const saved = new Map<number, SavedPosition>()
    const ends = await source.ends(topic.name)
    for (const { partition } of ends) {
      const position = state.positions.get(placeOf(topic.name, partition))
      if (position?.line === line) saved.set(partition, position)
    }
    const begins = await Promise.all(ends.map((end) => beginning(source, topic.name, end, saved.get(end.partition))))
    // Of a log that is no more, or has lost its end: its tail in the target says nothing of this one.
    const noted = (await target.ends(topic.name)).map(({ end }) => end)
    begins.forEach(({ from, detour }, index) => {
      const { partition } = ends[index]!
      if (detour !== undefined) this.#warn(topic.name, partition, detour)
      if (detour === undefined && saved.has(partition)) return
      saved.set(partition, { line, ranges: from.ranges, next: from.next, ends: noted })
    })
    const found = await this.#find(topic, saved, settle)
    if (found.lost) this.#warn(topic.name, undefined, 'target-lost-end')
    const from = ends.map((end, index) => (found.lost ? again(found, end) : begins[index]!.from))
    await this.#writeFirst(topic.name, from, found, saved)
    if (signal.aborted) return
    const tracks = from.map((progress, partition) => this.#track(topic, partition, progress, found))
    this.#topics.set(topic.name, { topic, tracks })
    for (const track of tracks) this.#follow(track.run(signal))
  }

  /** What the target holds beyond the noted places, when nothing more arrives. */
  async #find(topic: CarriedTopic, saved: ReadonlyMap<number, SavedPosition>, settle: boolean): Promise<Found> {
    const { target, rules, system, timing } = this.#options
    const { line } = this.#claim!
    const selection = new Selection(rules, topic.kind, line, 0)
    const tagsOf = (value: Uint8Array | null) => selection.thinnedTags(value)
    let found = await findTail(target, topic.name, line, saved, tagsOf)
    if (!settle) return found
    for (let round = 0; round < MOST_SETTLING; round++) {
      await system.clock.sleep(timing.settleMs)
      found = await extend(target, topic.name, line, saved, tagsOf, found)
      if (found.records === 0) break
    }
    return found
  }

  /** Before anything is sent there is a place for every partition: the next run looks for the rest beyond it. */
  async #writeFirst(
    topic: string,
    from: readonly Progress[],
    found: Found,
    saved: ReadonlyMap<number, SavedPosition>,
  ): Promise<void> {
    const places = new Map<string, SavedPosition>()
    from.forEach((progress, partition) => {
      const ends = found.lost ? found.next.map(() => 0) : saved.get(partition)!.ends
      places.set(placeOf(topic, partition), this.#position(progress, ends))
      const known = found.known.get(partition)
      if (known !== undefined) this.#again.set(placeOf(topic, partition), { known, ends })
    })
    await this.#write(places)
  }

  #track(topic: CarriedTopic, partition: number, from: Progress, found: Found): Track {
    const { source, target, rules, pace, system, onLost, lotRecords } = this.#options
    const { line } = this.#claim!
    const known = found.known.get(partition)
    const refuse = (record: NewRecord, error: LogError) => this.#refuse(topic.name, record, error)
    const append = (name: string, records: readonly NewRecord[]) => this.#give(name, records)
    const outlet = new Outlet({ target: { ready: () => target.ready(), append }, topic: topic.name, known, refuse })
    return new Track(
      {
        source,
        topic: topic.name,
        partition,
        outlet,
        selection: () => new Selection(rules, topic.kind, line, partition, known),
        freshFirst: rules.catchUp.order === 'fresh-first' && !isOrdered(topic.kind),
        pace,
        system,
        before: (signal) => (isBook(topic.kind) ? this.#dataPassed(signal) : Promise.resolve()),
        onLost: (lostFrom, to) => onLost(topic.name, partition, lostFrom, to),
        onMoved: () => this.#notify(),
        ...(lotRecords !== undefined && { lotRecords }),
      },
      from,
    )
  }

  async #refuse(topic: string, record: NewRecord, error: LogError): Promise<void> {
    const { target, rules, system } = this.#options
    const spec = replicaSpec(rules, 'quarantine')
    const there = (await target.topics()).find(({ name }) => name === spec.name)
    await target.ensure([there ?? spec])
    system.logger.warn('The target does not take a record; it is put aside there', { topic, error })
    await target.ready()
    await this.#give(spec.name, [refusedRecord(topic, record, error)])
  }

  /**
   * Resolves when everything that was in the other topics when this was asked is in the target: a checkpoint of the
   * books counts it, and must not be there before.
   */
  async #dataPassed(signal: AbortSignal): Promise<void> {
    const { source } = this.#options
    const wanted: { track: Track; end: number }[] = []
    for (const { topic, tracks } of this.#topics.values()) {
      if (isBook(topic.kind)) continue
      for (const { partition, end } of await source.ends(topic.name)) {
        const track = tracks[partition]
        if (track !== undefined) wanted.push({ track, end })
      }
    }
    while (!signal.aborted && wanted.some(({ track, end }) => track.passed < end)) {
      await unlessAborted(this.#moved.promise, signal)
    }
  }

  #notify(): void {
    this.#moved.resolve()
    this.#moved = Promise.withResolvers<void>()
  }

  async #keepWriting(signal: AbortSignal): Promise<void> {
    const { system, timing } = this.#options
    this.#thinnedAt = system.clock.monotonic()
    while (!signal.aborted) {
      await system.clock.sleep(timing.checkpointMs, signal).catch(() => {})
      if (signal.aborted) return
      const thinned = system.clock.monotonic() - this.#thinnedAt >= timing.thinnedCheckpointMs
      if (thinned) this.#thinnedAt = system.clock.monotonic()
      try {
        await this.#checkpoint(thinned)
      } catch (error) {
        if ((error as { retriable?: boolean }).retriable !== true) throw error
        system.logger.debug('Cannot write down how far a replication is; the next time does', { error })
      }
    }
  }

  /**
   * First where the target ends, then how far each partition is: whatever is sent later lies beyond that end. What an
   * earlier run has sent lies before it: until all of that is passed over, the end that was noted then stands.
   */
  async #checkpoint(thinned: boolean): Promise<void> {
    const places = new Map<string, SavedPosition>()
    for (const { topic, tracks } of this.#topics.values()) {
      const thins = this.#options.rules.thin.length > 0 && isThinned(topic)
      if (thins && !thinned) continue
      const ends = (await this.#options.target.ends(topic.name)).map(({ end }) => end)
      for (const track of tracks) {
        const place = placeOf(topic.name, track.partition)
        const earlier = this.#againOf(place, track)
        // What it holds back it may have to leave out, to come to the same lines as the earlier run.
        if (thins && earlier !== undefined) continue
        places.set(place, this.#position(await track.cut(), earlier?.ends ?? ends))
      }
    }
    await this.#write(places)
  }

  #againOf(place: string, track: Track) {
    const again = this.#again.get(place)
    if (again === undefined || isAhead(again.known, track.progress)) return again
    this.#again.delete(place)
    return undefined
  }

  /** Of places that are where they were nothing is written. */
  async #write(places: ReadonlyMap<string, SavedPosition>): Promise<void> {
    const moved = new Map<string, SavedPosition>()
    for (const [place, position] of places) {
      const text = JSON.stringify([position.ranges, position.next])
      if (this.#saved.get(place) === text) continue
      this.#saved.set(place, text)
      moved.set(place, position)
    }
    await this.#positions.save(moved)
  }

  #position({ ranges, next, stamp }: Progress, ends: readonly number[]): SavedPosition {
    return { line: this.#claim!.line, ranges, next, ...(stamp !== undefined && { stamp }), ends }
  }

  /** What is under way is finished, its place written down, and the name given back: the next run has nothing to find. */
  async #end(): Promise<void> {
    const { system } = this.#options
    const ended = this.#within(
      (async () => {
        await Promise.all(this.#running)
        await this.#checkpoint(true)
        await this.#positions.release(this.#claim!)
      })(),
    )
    if (!(await ended)) system.logger.warn('A replication ended with records on their way; the next start finds them')
  }

  /** Whether it ended well before the grace was over. */
  #within(work: Promise<unknown>): Promise<boolean> {
    const { system, timing } = this.#options
    return within(timing.graceMs, work, system.clock).catch(() => false)
  }

  #warn(topic: string, partition: number | undefined, detour: Detour): void {
    const { logger } = this.#options.system
    const where = { replication: this.#options.rules.name, topic, ...(partition !== undefined && { partition }) }
    logger.warn(DETOURS[detour], where)
  }
}

const DETOURS: { readonly [detour in Detour]: string } = {
  'source-differs': 'What is replicated is not the log it was; it is carried from the first record that is younger',
  'target-lost-end': 'The target of a replication has lost records; what it does not hold is sent again',
}

function isThinned({ kind }: CarriedTopic): boolean {
  return kind === 'telemetry' || kind === 'derived'
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
