import type { WebSocket } from 'ws'
import type { Caller } from './auth.ts'
import type { LiveRequest } from './contract.ts'
import type { Frames } from './frames.ts'
import type { HubPort } from './hub-port.ts'
import type { ApiLimits } from './limits.ts'
import { LiveSelections, readSelections } from './live-selections.ts'
import { Patterns } from './patterns.ts'

export interface LiveClientOptions {
  readonly webSocket: WebSocket
  readonly caller: Caller
  readonly hub: HubPort
  readonly limits: ApiLimits
}

/** A tick of the live stream. */
export interface Moment {
  readonly frames: Frames
  /** Counts up. */
  readonly tick: number
  /** Ticks between two frames to one client, and after a small one. */
  readonly frameTicks: number
  readonly quickTicks: number
  /** Ticks between two slow frames. */
  readonly slowTicks: number
  /** Hub, sources and summaries go out as well. */
  readonly isSlow: boolean
}

/** Requests a client may send between two pings; a page sends one whenever a person looks at something else. */
const REQUESTS = 300

/** One browser at the live stream: what it looks at, and which of it has changed since it was last told. */
export class LiveClient {
  readonly #options: LiveClientOptions
  #twins = new Patterns([])
  #summaries = new Patterns([])
  #selections = new LiveSelections([])
  /** Paths whose present state the client has not been sent; sets, so each path is in there once. */
  readonly #dirtyTwins = new Set<string>()
  readonly #dirtySummaries = new Set<string>()
  readonly #refreshable = new Set<string>()
  #greeted = false
  /** When it got its last frames; a client that was told nothing lately is told at once. */
  #twinsTick = -Infinity
  /** How large the last frame of twins was, in small ones: the next one waits so many times as long as after a small one. */
  #lastSize = 1
  #summariesTick = -Infinity
  #alarmsTick = -Infinity
  #alarmsRevision = -1
  /** The newest word on the alarms. */
  #alarmsText = ''
  #alive = true
  #requests = 0

  constructor(options: LiveClientOptions) {
    this.#options = options
    options.webSocket.on('pong', () => (this.#alive = true))
  }

  get caller(): Caller {
    return this.#options.caller
  }

  /** The paths it named on their own. */
  get paths(): ReadonlySet<string> {
    return this.#twins.paths
  }

  /** A message of the client: it wants to look at something (else). */
  receive(data: Buffer, binary: boolean): void {
    this.#requests += 1
    if (this.#requests > REQUESTS) return this.end(1008, 'too many requests')
    const { hub, limits } = this.#options
    const request = binary ? undefined : parseRequest(data.toString(), limits.livePatterns)
    if (request === undefined) return this.end(1008, 'want {"assets": [paths]}, see LiveRequest')
    const selections = readSelections(hub, request.selections, limits.liveSelections)
    if (typeof selections === 'string') return this.end(1008, closeReason(selections))
    this.#twins = new Patterns(request.assets)
    this.#summaries = new Patterns(request.summaries ?? [])
    this.#dirtyTwins.clear()
    this.#dirtySummaries.clear()
    this.#refreshable.clear()
    for (const path of this.#twins.all(hub)) this.#dirtyTwins.add(path)
    for (const path of this.#summaries.all(hub)) this.#dirtySummaries.add(path)
    this.#selections = new LiveSelections(selections)
    this.#selections.begin(hub)
  }

  noteTwins(changed: ReadonlySet<string>): void {
    this.#twins.pick(changed, this.#dirtyTwins)
    this.#selections.note(changed)
  }

  /** `otherState`: told next. `changed`: only the time of their last data is another one, so they are told by and by. */
  noteSummaries(otherState: ReadonlySet<string>, changed: ReadonlySet<string>): void {
    this.#summaries.pick(otherState, this.#dirtySummaries)
    this.#summaries.pick(changed, this.#refreshable)
  }

  /** Sends what it has not been told yet; false where it has not read what it got before, so it gets nothing. */
  send(moment: Moment): boolean {
    const { frames, tick, frameTicks, quickTicks, isSlow } = moment
    const { webSocket, limits } = this.#options
    if (webSocket.readyState !== webSocket.OPEN) return true
    if (webSocket.bufferedAmount > limits.liveBufferedBytes) return !isSlow && !this.#hasNews
    if (isSlow || !this.#greeted) this.#sendSlow(frames)
    this.#sendAlarms(moment)
    const twinTicks = Math.min(frameTicks, quickTicks * this.#lastSize)
    if (tick - this.#twinsTick >= twinTicks && (this.#dirtyTwins.size > 0 || this.#selections.hasNews)) {
      this.#twinsTick = tick
      this.#sendTwins(frames)
    }
    if (tick - this.#summariesTick >= frameTicks && this.#dirtySummaries.size > 0) {
      this.#summariesTick = tick
      webSocket.send(frames.assets(take(this.#dirtySummaries, limits.liveFrameItems)))
    }
    return true
  }

  #sendTwins(frames: Frames): void {
    const { webSocket, limits } = this.#options
    const { taken, left } = this.#selections.look(limits.liveSelectionItems)
    for (const path of taken) this.#dirtyTwins.add(path)
    if (left.length > 0) webSocket.send(frames.left(left))
    if (this.#dirtyTwins.size === 0) return
    const text = frames.twins(take(this.#dirtyTwins, limits.liveFrameItems))
    this.#lastSize = Math.ceil(text.length / limits.liveQuickBytes)
    webSocket.send(text)
  }

  /** A change is told at once, further ones once a second; time alone may end a flood, so it is looked for then too. */
  #sendAlarms({ frames, tick, slowTicks, isSlow }: Moment): void {
    const isDue = frames.alarmsRevision !== this.#alarmsRevision && tick - this.#alarmsTick >= slowTicks
    if (!isDue && !isSlow) return
    this.#alarmsRevision = frames.alarmsRevision
    const text = frames.alarms()
    if (text === this.#alarmsText) return
    this.#alarmsText = text
    this.#alarmsTick = tick
    this.#options.webSocket.send(text)
  }

  get #hasNews(): boolean {
    return this.#dirtyTwins.size > 0 || this.#dirtySummaries.size > 0 || this.#selections.hasNews
  }

  #sendSlow(frames: Frames): void {
    const { webSocket, limits } = this.#options
    webSocket.send(frames.hub())
    webSocket.send(frames.sources())
    for (const rare of [frames.replications(), frames.processors()]) if (rare !== undefined) webSocket.send(rare)
    this.#greeted = true
    for (const path of take(this.#refreshable, limits.liveRefreshesPerSecond)) this.#dirtySummaries.add(path)
  }

  /** Ends a client that has not answered the ping before; asks the others. */
  ping(): void {
    this.#requests = 0
    if (!this.#alive) return this.#options.webSocket.terminate()
    this.#alive = false
    this.#options.webSocket.ping()
  }

  end(code: number, reason: string): void {
    this.#options.webSocket.close(code, reason)
  }
}

interface ReadRequest {
  readonly assets: readonly string[]
  readonly summaries: readonly string[]
  /** Not looked at yet. */
  readonly selections: unknown
}

/** A request as it has to be; undefined where it is not. */
function parseRequest(text: string, most: number): ReadRequest | undefined {
  try {
    const request: unknown = JSON.parse(text)
    if (typeof request !== 'object' || request === null) return undefined
    const { assets = [], summaries = [], selections } = request as { readonly [name in keyof LiveRequest]?: unknown }
    const isOne = 'assets' in request || selections !== undefined
    return isOne && isPatterns(assets, most) && isPatterns(summaries, most)
      ? { assets, summaries, selections }
      : undefined
  } catch {
    return undefined
  }
}

/** A reason has 123 bytes at most (RFC 6455 5.5). */
function closeReason(text: string): string {
  const bytes = Buffer.from(text)
  return bytes.length <= 123 ? text : `${new TextDecoder().decode(bytes.subarray(0, 119)).replace(/\ufffd+$/u, '')}...`
}

function isPatterns(value: unknown, most: number): value is string[] {
  return Array.isArray(value) && value.length <= most && value.every((item) => typeof item === 'string')
}

/** Takes up to `most` out of a set, oldest first. */
function take(set: Set<string>, most: number): string[] {
  const taken: string[] = []
  for (const path of set) {
    if (taken.length === most) break
    taken.push(path)
    set.delete(path)
  }
  return taken
}
