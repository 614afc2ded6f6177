import type { IncomingHttpHeaders } from 'node:http'
import { decide, type Auth, type Caller, type Need } from './auth.ts'
import { ApiError } from './errors.ts'
import { checkOrigin, type AllowedHosts } from './origin.ts'
import type { RateLimit } from './rate.ts'

/** What the gate looks at; the same for a request and for a WebSocket's upgrade. */
export interface Knock {
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly remote: string
  readonly need: Need | undefined
  /** A WebSocket's upgrade: a GET that a foreign page may send with our cookies, and whose answer it may read. */
  readonly upgrade?: boolean
}

export interface GateOptions {
  readonly auth: Auth
  readonly hosts: AllowedHosts
  readonly requests: RateLimit
  readonly wrongTokens: RateLimit
  /** Name of the session's cookie. */
  readonly cookie: () => string
}

/** What every request passes before anything else looks at it. */
export class Gate {
  readonly #options: GateOptions

  constructor(options: GateOptions) {
    this.#options = options
  }

  /**
   * Lets a request in and answers who it is; undefined: nobody we know, at an open route.
   * @throws ApiError saying why not
   */
  admit(knock: Knock): Caller | undefined {
    const { auth, hosts } = this.#options
    hosts.check(knock.headers.host)
    const caller = auth.identify(knock.headers.authorization, this.sessionId(knock.headers))
    this.#limit(knock, caller)
    refuse(decide(knock.need, caller), knock.need)
    if (knock.upgrade || changesState(knock.method)) checkOrigin(knock.headers, caller?.via === 'session')
    return caller
  }

  /**
   * The caller behind a token that somebody logs in with.
   * @throws ApiError `UNAUTHENTICATED`, or `TOO_MANY_REQUESTS` after too many wrong ones
   */
  login(token: string, remote: string): Caller {
    if (!this.#options.wrongTokens.has(remote)) throw tooMany(10)
    const caller = this.#options.auth.byToken(token)
    if (caller !== undefined) return caller
    this.#options.wrongTokens.take(remote)
    throw unauthenticated('the token is not one of ours')
  }

  /** The session's id in the cookies of a request. */
  sessionId(headers: IncomingHttpHeaders): string | undefined {
    const start = `${this.#options.cookie()}=`
    const cookie = headers.cookie?.split(';').find((part) => part.trimStart().startsWith(start))
    return cookie?.trimStart().slice(start.length)
  }

  #limit({ headers, remote }: Knock, caller: Caller | undefined): void {
    const { requests, wrongTokens } = this.#options
    if (!requests.take(caller?.name ?? remote)) throw tooMany(1)
    if (caller !== undefined || headers.authorization === undefined) return
    // Somebody is trying tokens: the right one would not have come here.
    if (!wrongTokens.take(remote)) throw tooMany(10)
  }
}

function refuse(decision: ReturnType<typeof decide>, need: Need | undefined): void {
  if (decision === 'unauthenticated') throw unauthenticated('the request names no caller we know')
  if (decision === 'forbidden') {
    throw new ApiError(
      403,
      'FORBIDDEN',
      `Cannot let this caller in: it lacks right "${need ?? 'none'}", want a token with it`,
    )
  }
}

function unauthenticated(why: string): ApiError {
  return new ApiError(401, 'UNAUTHENTICATED', `Cannot tell who is asking: ${why}, want a bearer token or a session`, {
    'www-authenticate': 'Bearer',
  })
}

function tooMany(seconds: number): ApiError {
  return new ApiError(
    429,
    'TOO_MANY_REQUESTS',
    `Cannot take more requests: the rate is above its limit, want a pause`,
    {
      'retry-after': String(seconds),
    },
  )
}

function changesState(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS'
}
