import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { WebSocketServer, type WebSocket } from 'ws'
import type { Timer } from '../system/clock.ts'
import type { Counter } from '../system/metrics.ts'
import type { System } from '../system/system.ts'
import type { AlarmViews } from './alarm-views.ts'
import type { Caller } from './auth.ts'
import { ApiError } from './errors.ts'
import { Frames } from './frames.ts'
import type { HubPort } from './hub-port.ts'
import type { ApiLimits } from './limits.ts'
import { LiveClient } from './live-client.ts'
import { AgeWatch } from './age-watch.ts'

export interface LiveOptions {
  readonly hub: HubPort
  readonly alarms: AlarmViews
  readonly system: System
  readonly limits: ApiLimits
  /** Whether a caller let in earlier still has its rights. */
  readonly holds: (caller: Caller) => boolean
}

/** Once in so many frames a client gets hub, sources and summaries: once a second. */
const SLOW_FRAMES = 10

/**
 * `GET /api/v1/live`: tells browsers what changed, every 20 ms at most while that is little and down to ten times a second where it is
 * much, only the latest of each path. What is
 * kept for a client is the set of paths it has not been told about yet, never a queue of messages: a client that
 * reads slowly skips frames and then gets the present, and the memory it costs is bounded by the number of assets.
 */
export class Live {
  readonly #options: LiveOptions
  readonly #server: WebSocketServer
  readonly #clients = new Set<LiveClient>()
  readonly #ages: AgeWatch
  readonly #skipped: Counter
  /** Ticks between two frames, and between two slow ones. */
  readonly #every: { readonly tickMs: number; readonly quick: number; readonly frame: number; readonly slow: number }
  /** Changed since the last frame; and since the last slow frame, for the summaries. */
  #changed = new Set<string>()
  readonly #changedSlow = new Set<string>()
  /** Of which staleness or severity changed since the last slow frame. */
  readonly #otherState = new Set<string>()
  #timers: Timer[] = []
  #unsubscribe = () => {}
  #tick = 0

  constructor(options: LiveOptions) {
    const { system, limits, hub } = options
    this.#options = options
    this.#ages = new AgeWatch(hub)
    const tickMs = Math.min(limits.liveTickMs, limits.liveFrameMs)
    const frame = Math.ceil(limits.liveFrameMs / tickMs)
    const quick = Math.min(frame, Math.ceil(limits.liveQuickFrameMs / tickMs))
    this.#every = { tickMs, quick, frame, slow: frame * SLOW_FRAMES }
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: limits.liveRequestBytes,
    })
    system.metrics.gauge('millrace_live_clients', 'Open live streams', () => this.#clients.size)
    this.#skipped = system.metrics.counter('millrace_live_skipped_frames_total', 'Frames skipped for slow readers')
  }

  /**
   * Takes over an upgrade that the gate has let in.
   * @throws ApiError `TOO_MANY_LIVE_CLIENTS`
   */
  take(request: IncomingMessage, socket: Socket, head: Buffer, caller: Caller): void {
    const { liveClients } = this.#options.limits
    if (this.#clients.size >= liveClients) {
      throw new ApiError(
        503,
        'TOO_MANY_LIVE_CLIENTS',
        `Cannot open a live stream: ${liveClients} are open, want one to end`,
      )
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#open(webSocket, caller))
  }

  close(): void {
    for (const client of this.#clients) client.end(1001, 'the hub is stopping')
    this.#rest()
  }

  #open(webSocket: WebSocket, caller: Caller): void {
    const { hub, limits } = this.#options
    const client = new LiveClient({ webSocket, caller, hub, limits })
    this.#clients.add(client)
    if (this.#clients.size === 1) this.#wake()
    webSocket.on('close', () => {
      this.#clients.delete(client)
      if (this.#clients.size === 0) this.#rest()
    })
    // Frames that are too large or not UTF-8: ws closes with the right code by itself.
    webSocket.on('error', () => {})
    webSocket.on('message', (data, binary) => client.receive(data as Buffer, binary))
  }

  /** Nothing is watched while nobody looks. */
  #wake(): void {
    const { hub, limits, system } = this.#options
    this.#unsubscribe = hub.onChange((path) => void this.#changed.add(path))
    this.#timers = [
      system.clock.every(this.#every.tickMs, () => this.#look()),
      system.clock.every(limits.livePingMs, () => this.#ping()),
    ]
  }

  #rest(): void {
    this.#unsubscribe()
    this.#unsubscribe = () => {}
    for (const timer of this.#timers) timer.cancel()
    this.#timers = []
    this.#changed.clear()
    this.#changedSlow.clear()
    this.#otherState.clear()
  }

  #look(): void {
    this.#tick += 1
    const { quick, frame, slow } = this.#every
    const { hub, alarms, system } = this.#options
    if (this.#tick % frame === 0) for (const path of this.#ages.step()) this.#aged(path)
    const isSlow = this.#tick % slow === 0
    if (isSlow) for (const path of this.#ages.look(this.#lookedAt())) this.#changed.add(path)
    this.#tellApart(isSlow)
    const frames = new Frames(hub, alarms, system.clock.now())
    const moment = { frames, tick: this.#tick, quickTicks: quick, frameTicks: frame, slowTicks: slow, isSlow }
    for (const client of this.#clients) if (!client.send(moment)) this.#skipped.add()
  }

  /** Notes with each client what of the news it looks at. */
  #tellApart(isSlow: boolean): void {
    if (this.#changed.size > 0) {
      const changed = this.#changed
      this.#changed = new Set()
      for (const path of changed) this.#changedSlow.add(path)
      for (const client of this.#clients) client.noteTwins(changed)
    }
    if (!isSlow) return
    for (const path of this.#ages.check(this.#changedSlow)) this.#otherState.add(path)
    for (const client of this.#clients) client.noteSummaries(this.#otherState, this.#changedSlow)
    this.#otherState.clear()
    this.#changedSlow.clear()
  }

  #aged(path: string): void {
    this.#changed.add(path)
    this.#otherState.add(path)
  }

  /** Every path that a client named on its own. */
  #lookedAt(): Set<string> {
    return new Set([...this.#clients].flatMap((client) => [...client.paths]))
  }

  #ping(): void {
    for (const client of this.#clients) {
      if (!this.#options.holds(client.caller)) client.end(4401, 'the session has ended')
      else client.ping()
    }
  }
}
