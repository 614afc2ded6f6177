import type { Address } from '../../system/net.ts'
import type { System } from '../../system/system.ts'
import { aborted, unlessAborted } from '../../system/wait.ts'
import { readCsv, ReplayError, type Cell, type Row } from './csv.ts'
import { startPublisher } from './fleet.ts'
import { startPoster } from './http-poster.ts'
import { startReplayServer } from './replay-server.ts'

/** How a table is played, and through which mouth. */
export interface ReplayOptions {
  /** A `.csv` or `.csv.gz`. */
  readonly file: string
  /** Column of times; where nothing is said, one that is called like it; without any, rows are `rowMs` apart. */
  readonly timeColumn?: string
  /** Times as fast as it was; `max` as fast as it is taken. */
  readonly speed: number | 'max'
  /** Time between rows of a table without times; default 1 s. */
  readonly rowMs?: number
  /** `original`: the times of the table are the source times; `now`: the moment of sending is (the default without times). */
  readonly times?: 'original' | 'now'
  readonly through: Through
  /** Told about once a second, and at the end. */
  readonly onProgress?: (progress: Progress) => void
  readonly signal?: AbortSignal
}

/** MQTT: to a broker, one topic. OPC UA: a server of our own, variables of `Objects/Replay/<object>`. HTTP: to a hub. */
type Through =
  | { readonly kind: 'mqtt'; readonly broker: Address; readonly topic: string }
  | { readonly kind: 'opcua'; readonly listen: Address; readonly object: string }
  | { readonly kind: 'http'; readonly url: string; readonly asset: string }

export interface Progress {
  readonly rows: number
  readonly values: number
}

/** What the replay says through: one row at a time, in order; resolves when the next may come. */
export interface ReplayMouth {
  say(time: number, values: { readonly [tag: string]: Cell }): Promise<void>
  /** Resolves when all was taken; `abandon` gives up what was not. */
  close(abandon: boolean): Promise<void>
}

const PROGRESS_MS = 1_000

const LONGEST_NAP_MS = 3_600_000

/** Rows in one request of HTTP when it goes as fast as it can. */
const ROWS_A_REQUEST = 500

/**
 * Plays a table as if its machine were there. Rows go out in the order of the file; where its clock stands still or
 * jumps back, the next row follows at once. Answers what was sent.
 * @throws ReplayError with file, line and column, or a system error of the file or port.
 */
export async function replayCsv(options: ReplayOptions, system: System): Promise<Progress> {
  const { clock, disk } = system
  const rows = readCsv(disk, options.file, options.timeColumn)
  const first = await rows.next()
  const mouth = await openMouth(options, first.done === true ? undefined : first.value, system)
  const progress = { rows: 0, values: 0 }
  const pace = new Pace(options, system)
  const { signal = new AbortController().signal } = options
  let told = clock.monotonic()
  try {
    for (let next = first; next.done !== true && !signal.aborted; next = await rows.next()) {
      const time = await pace.wait(next.value)
      if (time === undefined) break
      await unlessAborted(mouth.say(time, next.value.values), signal)
      progress.rows += 1
      progress.values += Object.keys(next.value.values).length
      if (clock.monotonic() - told < PROGRESS_MS) continue
      told = clock.monotonic()
      options.onProgress?.({ ...progress })
    }
  } finally {
    // What waits for a broker or hub that is away is given up when the replay is called off meanwhile.
    const ended = aborted(signal).then(() => mouth.close(true))
    await (signal.aborted ? ended : Promise.race([mouth.close(false), ended]))
  }
  options.onProgress?.({ ...progress })
  return progress
}

/** When each row is due, and the source time it carries. */
class Pace {
  readonly #options: ReplayOptions
  readonly #system: System
  /** Monotonic time at which the next row is due. */
  #due: number | undefined
  #before: number | undefined

  constructor(options: ReplayOptions, system: System) {
    this.#options = options
    this.#system = system
  }

  /** Waits for the row's turn and answers its source time; undefined where the wait was called off. */
  async wait(row: Row): Promise<number | undefined> {
    const { clock } = this.#system
    const { speed, times, rowMs = 1_000, signal } = this.#options
    if (speed !== 'max') {
      const passed = row.time === undefined ? rowMs : Math.max(0, row.time - (this.#before ?? row.time))
      this.#due = this.#due === undefined ? clock.monotonic() : this.#due + passed / speed
      if (!(await this.#until(this.#due, signal))) return undefined
    }
    this.#before = row.time
    const original = times !== 'now' && row.time !== undefined
    return original ? row.time : Math.round(clock.now() * 1000) / 1000
  }

  /** Sleeps until then, in naps: a timer holds 24 days at most, and a table may pause for longer. */
  async #until(due: number, signal: AbortSignal | undefined): Promise<boolean> {
    const { clock } = this.#system
    for (let ms = due - clock.monotonic(); ms > 1; ms = due - clock.monotonic()) {
      try {
        await clock.sleep(Math.min(ms, LONGEST_NAP_MS), signal)
      } catch {
        return false
      }
    }
    return true
  }
}

function openMouth(options: ReplayOptions, first: Row | undefined, system: System): Promise<ReplayMouth> | ReplayMouth {
  const { through } = options
  if (options.speed !== 'max' && !(options.speed > 0)) {
    throw new ReplayError('REPLAY_IMPOSSIBLE', `Cannot replay at speed ${options.speed}: want more than 0, or max`)
  }
  if (through.kind === 'mqtt') return mqttMouth(through.broker, through.topic, system)
  if (through.kind === 'http')
    return httpMouth(through.url, through.asset, options.speed === 'max' ? ROWS_A_REQUEST : 1, system)
  if (options.speed === 'max') {
    throw new ReplayError(
      'REPLAY_IMPOSSIBLE',
      'Cannot replay through OPC UA at speed max: a server shows only the latest value',
    )
  }
  return startReplayServer(through.listen, through.object, first?.values ?? {})
}

function mqttMouth(broker: Address, topic: string, { clock, random, logger }: System): ReplayMouth {
  const publisher = startPublisher(broker, 1, clock, random, logger)
  return {
    async say(ts, values) {
      await publisher.room()
      publisher.publish(0, topic, JSON.stringify({ ts, values }))
    },
    async close(abandon) {
      if (!abandon) await publisher.idle()
      await publisher.close()
    },
  }
}

function httpMouth(url: string, asset: string, size: number, { clock, random, logger }: System): ReplayMouth {
  const poster = startPoster(url, clock, random, logger)
  let records: object[] = []
  const send = async () => {
    await poster.idle()
    poster.post(`ingest/${asset}`, records)
    records = []
  }
  return {
    async say(ts, values) {
      records.push({ ts, values })
      if (records.length >= size) await send()
    },
    async close(abandon) {
      if (records.length > 0 && !abandon) await send()
      if (!abandon) await poster.idle()
      await poster.close()
    },
  }
}
