import { createHmac, timingSafeEqual } from 'node:crypto'
import { API_RIGHTS, type ApiRight, type ApiToken } from '../config/plant.ts'
import type { Clock } from '../system/clock.ts'
import type { Random } from '../system/random.ts'

/** What a route asks of its caller; `open` lets everybody in. A route that says nothing lets nobody in. */
export type Need = ApiRight | 'open'

/** Somebody whose name we know, or the open loopback (`name` undefined). */
export interface Caller {
  readonly name?: string
  readonly can: readonly ApiRight[]
  /** Patterns of the assets that it may command and approve; absent: all. */
  readonly areas?: readonly string[]
  /** A session is a browser's cookie: it is sent without anybody asking for it, so its writes must show an Origin. */
  readonly via: 'loopback' | 'token' | 'session'
  /** Of the session: its key in the store. */
  readonly session?: string
}

export type Decision = 'allow' | 'unauthenticated' | 'forbidden'

/** The one place that decides who may do what. Deny unless a line says otherwise. */
export function decide(need: Need | undefined, caller: Caller | undefined): Decision {
  if (need === 'open') return 'allow'
  if (need === undefined) return 'forbidden'
  if (caller === undefined) return 'unauthenticated'
  return caller.can.includes(need) ? 'allow' : 'forbidden'
}

/** Everything on an open loopback: no token is configured, and nobody beyond this machine can connect. */
const LOOPBACK: Caller = { can: API_RIGHTS, via: 'loopback' }

export interface AuthOptions {
  readonly tokens: readonly ApiToken[]
  readonly clock: Clock
  readonly random: Random
  readonly sessions: number
  readonly sessionMs: number
}

interface KnownToken {
  readonly name: string
  readonly can: readonly ApiRight[]
  readonly areas?: readonly string[]
  readonly hash: Buffer
}

interface Session {
  readonly caller: Caller
  /** Monotonic ms. */
  readonly ends: number
}

/** Knows callers by bearer token or by session cookie. Neither is kept: only keyed hashes of them are. */
export class Auth {
  readonly #options: AuthOptions
  readonly #key: Uint8Array
  readonly #tokens: readonly KnownToken[]
  readonly #sessions = new Map<string, Session>()

  constructor(options: AuthOptions) {
    this.#options = options
    this.#key = options.random.bytes(32)
    this.#tokens = options.tokens.map(({ name, can, areas, token }) => {
      return { name, can, ...(areas && { areas }), hash: this.#hash(token.reveal()) }
    })
  }

  /** Whether it asks who is there. */
  get isGuarded(): boolean {
    return this.#tokens.length > 0
  }

  /** The caller behind a request's `Authorization` header or session cookie; undefined: nobody we know. */
  identify(authorization: string | undefined, sessionId: string | undefined): Caller | undefined {
    if (this.#tokens.length === 0) return LOOPBACK
    const bearer = authorization === undefined ? undefined : /^bearer +(\S+) *$/i.exec(authorization)?.[1]
    if (bearer !== undefined) return this.byToken(bearer)
    return sessionId === undefined ? undefined : this.#bySession(sessionId)
  }

  /** Compares with every token, whether or not one has matched already, so that time tells nothing. */
  byToken(token: string): Caller | undefined {
    const hash = this.#hash(token)
    let found: KnownToken | undefined
    for (const known of this.#tokens) if (timingSafeEqual(hash, known.hash)) found = known
    if (found === undefined) return undefined
    const { name, can, areas } = found
    return { name, can, ...(areas && { areas }), via: 'token' }
  }

  /** Opens a session with the rights of `caller`; answers the id for the cookie, which nobody else keeps. */
  openSession(caller: Caller): string {
    const id = Buffer.from(this.#options.random.bytes(32)).toString('base64url')
    const key = this.#sessionKey(id)
    const ends = this.#options.clock.monotonic() + this.#options.sessionMs
    this.#sessions.set(key, { caller: { ...caller, via: 'session', session: key }, ends })
    if (this.#sessions.size > this.#options.sessions) this.#sessions.delete(this.#sessions.keys().next().value!)
    return id
  }

  closeSession(id: string): void {
    this.#sessions.delete(this.#sessionKey(id))
  }

  /** Whether a caller identified earlier still has its rights: a session may have ended since. */
  holds(caller: Caller): boolean {
    return caller.session === undefined || this.#live(caller.session) !== undefined
  }

  #bySession(id: string): Caller | undefined {
    return this.#live(this.#sessionKey(id))?.caller
  }

  #live(key: string): Session | undefined {
    const session = this.#sessions.get(key)
    if (session === undefined) return undefined
    if (this.#options.clock.monotonic() < session.ends) return session
    this.#sessions.delete(key)
    return undefined
  }

  #sessionKey(id: string): string {
    return this.#hash(id).toString('base64')
  }

  #hash(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest()
  }
}
