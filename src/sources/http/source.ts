import { Bell } from '../../component/bell.ts'
import type { HttpAnswer, HttpRequest } from '../../component/http.ts'
import type { Health } from '../../component/health.ts'
import { Liveness } from '../../component/liveness.ts'
import type { EventTarget } from '../../component/mapping/event-payload.ts'
import { readEventBody, readIngest, type Ingest } from '../../component/mapping/ingest.ts'
import { TagNames } from '../../component/mapping/payload.ts'
import type { Target } from '../../component/mapping/payload.ts'
import type { Batch, Item, Source, SourceContext } from '../../component/source.ts'
import { ModelError } from '../../model/errors.ts'
import { parsePath } from '../../model/path.ts'
import type { Timer } from '../../system/clock.ts'
import type { AssetPattern } from './asset-pattern.ts'
import { IdempotencyWindow } from './idempotency.ts'

/** Where the routes are mounted. */
export const PREFIX = '/api/v1/ingest'
export const EVENTS = '/api/v1/events'

/** Requests that wait for the hub to have room: most of them, most bytes of them, and longest wait of one. */
const WAITING = { requests: 1_000, bytes: 32 << 20, ms: 10_000 } as const

/** Reasons that an answer spells out; the others are in the quarantine topic. */
const MOST_REASONS = 5

const NO_FIELDS: ReadonlySet<string> = new Set()

/** Checked config; see `spec.ts`. */
export interface HttpSourceConfig {
  readonly assets: AssetPattern
  /** Whether events are taken as well. */
  readonly events: boolean
  readonly timestamp?: string | undefined
  readonly limits: { readonly body: number; readonly records: number }
  readonly idempotency: { readonly keys: number; readonly window: number }
  readonly silence: number
}

/** A request whose items wait to be taken, and then to be stored. */
interface Waiting {
  readonly items: readonly Item[]
  readonly bytes: number
  readonly answer: (answer: HttpAnswer) => void
  /** Ends the wait for the hub to take it. */
  readonly timer: Timer
}

/**
 * Takes what is posted to `/api/v1/ingest/{path}`, the path relative to the site or in full, and events that are posted to
 * `/api/v1/events`. A request is one batch, and it is answered only when that is durable:
 * - 200 `{stored, quarantined, dropped}`, with the first `reasons` where something was quarantined;
 * - 422 the same, where all of it was quarantined: sending it again will not help;
 * - 503 with Retry-After where it was not stored: the hub has no room, the log refused, or the hub is stopping;
 * - 400, 404, 413, 415 where it was not even tried; nothing of it is stored.
 */
export function createHttpSource(config: HttpSourceConfig, context: SourceContext): Source {
  return new HttpSource(config, context)
}

class HttpSource implements Source {
  readonly #config: HttpSourceConfig
  readonly #context: SourceContext
  readonly #liveness: Liveness
  readonly #window: IdempotencyWindow
  readonly #names = new TagNames()
  readonly #bell = new Bell()
  readonly #waiting = new Set<Waiting>()
  #waitingBytes = 0
  #open = false

  constructor(config: HttpSourceConfig, context: SourceContext) {
    const { clock } = context.system
    this.#config = config
    this.#context = context
    this.#liveness = new Liveness(clock, config.silence, `Not yet at ${PREFIX}`)
    this.#window = new IdempotencyWindow(clock, { keys: config.idempotency.keys, ms: config.idempotency.window })
  }

  health(): Health {
    return this.#liveness.health()
  }

  async *read(signal: AbortSignal): AsyncGenerator<Batch> {
    const { http } = this.#context
    const unmount = [http.post(PREFIX, (request) => this.#handle(request, () => this.#readings(request)))]
    if (this.#config.events)
      unmount.push(http.post(EVENTS, (request) => this.#handle(request, () => this.#events(request))))
    const wake = () => this.#bell.ring()
    signal.addEventListener('abort', wake)
    this.#open = true
    this.#liveness.set('connected', `Takes requests at ${PREFIX}`)
    try {
      while (!signal.aborted) {
        const next = this.#take()
        if (next === undefined) await this.#bell.wait()
        else yield batchOf(next)
      }
    } finally {
      this.#open = false
      for (const leave of unmount) leave()
      signal.removeEventListener('abort', wake)
      for (const waiting of this.#waiting) this.#turnAway(waiting, 'the hub is stopping')
      this.#liveness.set('stopped', 'Stopped')
    }
  }

  /** Never rejects. */
  async #handle(request: HttpRequest, read: () => Ingest | HttpAnswer): Promise<HttpAnswer> {
    const key = request.headers['idempotency-key']
    const ingest = () => this.#ingest(request, read)
    return key === undefined ? ingest() : this.#window.once(key, request, ingest)
  }

  /** Where a request's values belong, or why they belong nowhere. */
  #target(path: string): Target | HttpAnswer {
    const { site } = this.#context
    const given = path.startsWith(`${site}/`) ? path : `${site}/${path}`
    let asset: string
    try {
      asset = parsePath(given)
    } catch (error) {
      if (!(error instanceof ModelError)) throw error
      return problem(400, error.code, error.message)
    }
    if (!this.#config.assets(asset.slice(site.length + 1))) {
      const shown = JSON.stringify(asset)
      return problem(404, 'PATH_NOT_TAKEN', `Cannot ingest for ${shown}: no source takes it, want one whose assets do`)
    }
    const { timestamp } = this.#config
    return { address: `${PREFIX}/${path}`, asset, tag: 'value', timestamp, ignore: NO_FIELDS, names: this.#names }
  }

  #readings({ path, body, headers }: HttpRequest): Ingest | HttpAnswer {
    const target = this.#target(path)
    if ('status' in target) return target
    const receivedTime = this.#context.system.clock.now()
    return readIngest(body, headers['content-type'], target, receivedTime, this.#config.limits.records)
  }

  #events({ path, body, headers }: HttpRequest): Ingest | HttpAnswer {
    if (path !== '') return problem(404, 'NOT_FOUND', `Cannot take events at "${EVENTS}/${path}": want ${EVENTS}`)
    const { name, site, system } = this.#context
    const { assets, limits } = this.#config
    const target: EventTarget = { address: EVENTS, site, source: name, takes: assets }
    const ingest = readEventBody(body, headers['content-type'], target, system.clock.now(), limits.records)
    if ('fault' in ingest) return ingest
    const [first] = ingest.items
    // Another source may take them; where none does, nothing of it is stored.
    const foreign = ingest.items.every((item) => item.kind === 'rejected' && item.code === 'PATH_NOT_TAKEN')
    if (first?.kind === 'rejected' && foreign) return problem(404, first.code, first.reason)
    return ingest
  }

  async #ingest({ body }: HttpRequest, read: () => Ingest | HttpAnswer): Promise<HttpAnswer> {
    const { body: mostBytes } = this.#config.limits
    if (body.length > mostBytes) {
      const message = `Cannot take body: it has ${body.length} bytes, want at most ${mostBytes}`
      return problem(413, 'BODY_TOO_LARGE', message)
    }
    const ingest = read()
    if ('status' in ingest) return ingest
    if ('fault' in ingest) return problem(ingest.fault.status, ingest.fault.code, ingest.fault.message)
    if (ingest.items.length === 0) return { status: 200, body: { stored: 0, quarantined: 0, dropped: 0 } }
    this.#liveness.data()
    return this.#store(ingest.items, body.length)
  }

  /** Hands items over; resolves when they are durable, or when it is certain that they will not be. */
  #store(items: readonly Item[], bytes: number): Promise<HttpAnswer> {
    if (!this.#open) return Promise.resolve(unavailable('the hub is stopping'))
    if (this.#waiting.size >= WAITING.requests || this.#waitingBytes + bytes > WAITING.bytes) {
      return Promise.resolve(unavailable(`${this.#waiting.size} requests wait already`))
    }
    return new Promise((resolve) => {
      const tooLong = () => this.#turnAway(waiting, `the hub had no room for it within ${WAITING.ms / 1000} s`)
      const timer = this.#context.system.clock.after(WAITING.ms, tooLong)
      const waiting: Waiting = { items, bytes, answer: resolve, timer }
      this.#waiting.add(waiting)
      this.#waitingBytes += bytes
      this.#bell.ring()
    })
  }

  #take(): Waiting | undefined {
    const [first] = this.#waiting
    if (first !== undefined) this.#leave(first)
    return first
  }

  /** Answers a request that still waits; one that the hub has taken is its to acknowledge. */
  #turnAway(waiting: Waiting, why: string): void {
    if (this.#leave(waiting)) waiting.answer(unavailable(why))
  }

  #leave(waiting: Waiting): boolean {
    if (!this.#waiting.delete(waiting)) return false
    this.#waitingBytes -= waiting.bytes
    waiting.timer.cancel()
    return true
  }
}

function batchOf({ items, answer }: Waiting): Batch {
  return {
    items,
    ack: () => answer(stored(items)),
    fail: (error) => answer(unavailable(error.message)),
  }
}

function stored(items: readonly Item[]): HttpAnswer {
  const rejected = items.flatMap((item) => (item.kind === 'rejected' ? [item] : []))
  const dropped = items.filter(({ kind }) => kind === 'dropped').length
  const count = items.length - rejected.length - dropped
  const books = { stored: count, quarantined: rejected.length, dropped }
  if (rejected.length === 0) return { status: 200, body: books }
  const reasons = rejected.slice(0, MOST_REASONS).map(({ code, reason }) => ({ code, message: reason }))
  if (count > 0) return { status: 200, body: { ...books, reasons } }
  return { status: 422, body: { code: reasons[0]!.code, message: reasons[0]!.message, ...books, reasons } }
}

function unavailable(why: string): HttpAnswer {
  const message = `Cannot store the request: ${why}, want it sent again`
  return { status: 503, headers: { 'retry-after': '1' }, body: { code: 'NOT_STORED', message } }
}

function problem(status: number, code: string, message: string): HttpAnswer {
  return { status, body: { code, message } }
}
