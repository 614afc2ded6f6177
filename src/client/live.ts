import type { LiveMessage, LiveRequest, LiveSelection, TagView, TwinView } from '../api/contract.ts'
import { ClientError } from './client-error.ts'
import type { Http } from './http.ts'

/** What a live view tells. */
export type LiveChange =
  /** A twin is new or other. Where the connection is lost, every twin comes once more with all its tags stale. */
  | { readonly kind: 'twin'; readonly twin: TwinView }
  /** It does not fit what was asked for any more. */
  | { readonly kind: 'left'; readonly path: string }
  /** `lost`: nothing is heard of the hub, and it is tried again for ever; all that is asked for comes anew then. */
  | { readonly kind: 'connection'; readonly state: 'live' | 'lost'; readonly reason: string }

/** Twins as they change, until it is closed. */
export interface LiveView {
  readonly state: 'connecting' | 'live' | 'lost' | 'closed'
  /** The twins as they are known; while the connection is not live, with all their tags stale. */
  twins(): TwinView[]
  close(): void
}

/** The hub says something once a second: when it says nothing for so long, the connection is not one any more. */
const SILENCE_MS = 5_000

/** Waits between two tries to connect: the first, and the longest. */
const RETRY_MS = { first: 250, longest: 10_000 } as const

/** Looks at a hub's live stream; connects, subscribes and comes back by itself. */
export class LiveStream implements LiveView {
  readonly #http: Http
  readonly #request: LiveRequest
  readonly #onChange: (change: LiveChange) => void
  readonly #twins = new Map<string, TwinView>()
  #state: LiveView['state'] = 'connecting'
  #socket: WebSocket | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #failures = 0
  #reason = ''

  constructor(http: Http, request: LiveRequest, onChange: (change: LiveChange) => void) {
    this.#http = http
    this.#request = request
    this.#onChange = onChange
  }

  get state(): LiveView['state'] {
    return this.#state
  }

  twins(): TwinView[] {
    const all = [...this.#twins.values()]
    return this.#state === 'live' ? all : all.map(staleTwin)
  }

  open(): void {
    void this.#connect()
  }

  close(): void {
    this.#state = 'closed'
    clearTimeout(this.#timer)
    this.#socket?.close()
  }

  async #connect(): Promise<void> {
    try {
      await logIn(this.#http)
    } catch (error) {
      this.#lose(error instanceof Error ? error.message : String(error))
      return
    }
    if (this.#isClosed) return
    const socket = openSocket(this.#http)
    this.#socket = socket
    socket.addEventListener('open', () => {
      socket.send(JSON.stringify(this.#request))
      this.#listen()
    })
    socket.addEventListener('message', ({ data }) => this.#hear(JSON.parse(String(data)) as LiveMessage))
    // An upgrade that is refused says nothing; a plain request to the same hub says why.
    socket.addEventListener('close', ({ code, reason }) => {
      if (this.#socket === socket) void this.#ended(reason || `the stream ended with code ${code}`)
    })
    this.#listen()
  }

  /** The longest that nothing may be heard. */
  #listen(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      const socket = this.#socket
      this.#socket = undefined
      socket?.close()
      this.#lose(`nothing was heard of the hub for ${SILENCE_MS} ms`)
    }, SILENCE_MS)
  }

  #hear(message: LiveMessage): void {
    if (this.#isClosed) return
    this.#listen()
    if (this.#state !== 'live') {
      this.#state = 'live'
      this.#failures = 0
      // What the hub has let go meanwhile it will not tell: what comes now is all there is.
      this.#twins.clear()
      this.#onChange({ kind: 'connection', state: 'live', reason: 'connected' })
    }
    if (message.type === 'twins') for (const twin of message.twins) this.#take(twin)
    if (message.type !== 'left') return
    for (const path of message.paths) if (this.#twins.delete(path)) this.#onChange({ kind: 'left', path })
  }

  #take(twin: TwinView): void {
    this.#twins.set(twin.path, twin)
    this.#onChange({ kind: 'twin', twin })
  }

  async #ended(reason: string): Promise<void> {
    clearTimeout(this.#timer)
    if (this.#isClosed) return
    const refused = await this.#http.get('/api/v1/status').then(
      () => undefined,
      (error: unknown) => error,
    )
    this.#lose(refused instanceof ClientError ? refused.message : reason)
  }

  /** Says that nothing is known of the present any more, and tries again later. */
  #lose(reason: string): void {
    if (this.#isClosed) return
    const before = this.#state
    this.#state = 'lost'
    if (before !== 'lost' || reason !== this.#reason) this.#onChange({ kind: 'connection', state: 'lost', reason })
    this.#reason = reason
    if (before === 'live') for (const twin of this.twins()) this.#onChange({ kind: 'twin', twin })
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#connect(), waitMs((this.#failures += 1)))
  }

  get #isClosed(): boolean {
    return this.#state === 'closed'
  }
}

/** What somebody wants to look at: paths (`place/**` takes all below it), or assets by what they are. */
export function requestOf(wanted: readonly string[] | LiveSelection): LiveRequest {
  return Array.isArray(wanted) ? { assets: wanted } : { assets: [], selections: [wanted as LiveSelection] }
}

/** A browser's WebSocket sends no header: there the token becomes a session first, whose cookie comes along by itself. */
async function logIn(http: Http): Promise<void> {
  const { authorization } = http.headers
  if (authorization !== undefined && !isNode())
    await http.post('/api/v1/login', { token: authorization.slice('Bearer '.length) })
}

function openSocket(http: Http): WebSocket {
  const url = new URL('/api/v1/live', http.url)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  // The second argument of Node's WebSocket may hold headers.
  return isNode() ? new WebSocket(url, { headers: http.headers }) : new WebSocket(url)
}

function isNode(): boolean {
  return typeof process === 'object' && process.versions?.node !== undefined
}

/** Twice as long each time, and never all clients at once. */
function waitMs(failures: number): number {
  return Math.min(RETRY_MS.longest, RETRY_MS.first * 2 ** (failures - 1)) * (0.5 + Math.random() / 2)
}

function staleTwin(twin: TwinView): TwinView {
  return { ...twin, tags: twin.tags.map((tag): TagView => ({ ...tag, stale: true })) }
}
