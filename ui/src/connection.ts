import type { HubView, LiveMessage } from '../../src/api/contract.ts'
import type { Store } from './store.ts'

/** The hub speaks once a second: silence of this length is a loss, whatever the socket says. */
const SILENCE_MS = 4_000

const RETRY_MS = { first: 500, most: 5_000 } as const

/** Keeps the live stream open for ever and puts what comes into the store. */
export class Connection {
  readonly #store: Store
  #socket: WebSocket | undefined
  /** Ends everything that the socket before still wants to say. */
  #listening = new AbortController()
  #watchdog: ReturnType<typeof setTimeout> | undefined
  #retryMs: number = RETRY_MS.first

  constructor(store: Store) {
    this.#store = store
  }

  /** Asks who we are first: a refused WebSocket does not tell a page why. */
  async start(): Promise<void> {
    try {
      const answer = await fetch('/api/v1/status', { signal: AbortSignal.timeout(SILENCE_MS) })
      if (answer.status === 401 || answer.status === 403) return this.#store.setConnection('login')
      if (!answer.ok) throw new Error(`status ${answer.status}`)
      this.#store.hub = (await answer.json()) as HubView
      this.#open()
    } catch {
      this.#lost()
    }
  }

  /** Tells the hub what the page looks at now. */
  look(assets: readonly string[]): void {
    this.#store.look(assets)
    if (this.#socket?.readyState === WebSocket.OPEN) this.#request()
  }

  #open(): void {
    const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/v1/live`)
    this.#socket = socket
    this.#watch()
    this.#listening = new AbortController()
    const { signal } = this.#listening
    socket.addEventListener('open', () => this.#opened(), { signal })
    socket.addEventListener('message', (event: MessageEvent<string>) => this.#take(event.data), { signal })
    socket.addEventListener('close', () => this.#lost(), { signal })
  }

  #opened(): void {
    this.#retryMs = RETRY_MS.first
    this.#request()
  }

  #take(text: string): void {
    this.#watch()
    this.#store.receive(JSON.parse(text) as LiveMessage)
  }

  #request(): void {
    this.#socket?.send(JSON.stringify(this.#store.request()))
  }

  #watch(): void {
    clearTimeout(this.#watchdog)
    this.#watchdog = setTimeout(() => this.#lost(), SILENCE_MS)
  }

  #lost(): void {
    clearTimeout(this.#watchdog)
    this.#listening.abort()
    this.#socket?.close()
    this.#socket = undefined
    this.#store.setConnection('lost')
    // Jitter keeps many pages from coming back in the same instant.
    setTimeout(() => void this.start(), this.#retryMs * (0.5 + Math.random()))
    this.#retryMs = Math.min(RETRY_MS.most, this.#retryMs * 2)
  }
}
