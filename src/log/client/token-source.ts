import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { System } from '../../system/system.ts'
import { LogError } from '../log.ts'
import type { TokenEndpoint } from '../security.ts'
import { notAuthenticated } from './protocol-faults.ts'
import { tlsFault } from './tls-faults.ts'

const PATIENCE_MS = 10_000
const MAX_ANSWER_BYTES = 64 * 1024
/** Which part of a token's life it is used for; after that the next one is fetched before anybody refuses it. */
const USED_PART = 0.8
/** Where the endpoint does not say how long a token lasts. */
const UNKNOWN_LIFE_MS = 300_000

interface Token {
  readonly text: string
  /** Monotonic ms. */
  readonly renewAt: number
}

/** Gets tokens by OAuth 2 client credentials (RFC 6749 section 4.4), and keeps each as long as it is good. */
export class TokenSource {
  readonly #endpoint: TokenEndpoint
  readonly #system: Pick<System, 'clock' | 'net'>
  #token: Token | undefined
  #fetching: Promise<Token> | undefined

  constructor(endpoint: TokenEndpoint, system: Pick<System, 'clock' | 'net'>) {
    this.#endpoint = endpoint
    this.#system = system
  }

  /** @throws LogError `LOG_NOT_AUTHENTICATED` where the endpoint refuses us, `LOG_UNAVAILABLE` where it does not answer */
  async get(): Promise<string> {
    if (this.#token && this.#system.clock.monotonic() < this.#token.renewAt) return this.#token.text
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined
    })
    this.#token = await this.#fetching
    return this.#token.text
  }

  async #fetch(): Promise<Token> {
    const { clock } = this.#system
    const began = clock.monotonic()
    const stop = new AbortController()
    const timer = clock.after(PATIENCE_MS, () => stop.abort(new Error(`no answer within ${PATIENCE_MS} ms`)))
    try {
      const answer = await this.#post(stop.signal)
      const { token, lifeMs } = readToken(answer.status, await bodyOf(answer.message))
      return { text: token, renewAt: began + lifeMs * USED_PART }
    } catch (error) {
      throw error instanceof LogError ? error : this.#unreachable(stop.signal.aborted ? stop.signal.reason : error)
    } finally {
      timer.cancel()
    }
  }

  async #post(signal: AbortSignal): Promise<{ status: number; message: IncomingMessage }> {
    const { endpoint, clientId, clientSecret, scope } = this.#endpoint
    const url = new URL(endpoint)
    const body = new URLSearchParams({ grant_type: 'client_credentials', ...(scope !== undefined && { scope }) })
    // RFC 6749 section 2.3.1: both parts are form-encoded before they are joined.
    const basic = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret.reveal())}`
    const socket = await this.#connect(url, signal)
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const asking = request({
      createConnection: () => socket,
      method: 'POST',
      host: url.hostname,
      path: url.pathname + url.search,
      headers: {
        host: url.host,
        authorization: `Basic ${Buffer.from(basic).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
        connection: 'close',
      },
      signal,
    })
    asking.once('response', resolve).once('error', reject)
    asking.end(body.toString())
    const message = await promise
    return { status: message.statusCode ?? 0, message }
  }

  async #connect(url: URL, signal: AbortSignal) {
    const secure = url.protocol === 'https:'
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const port = Number(url.port || (secure ? 443 : 80))
    const { ca } = this.#endpoint
    const connecting = this.#system.net.connect(
      { host, port },
      secure ? { ...(ca !== undefined && { ca }) } : undefined,
    )
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
    })
    try {
      return await Promise.race([connecting, aborted])
    } catch (error) {
      // A connection that comes about after we gave up on it is nobody's.
      void connecting.then(
        (socket) => socket.destroy(),
        () => {},
      )
      throw error
    }
  }

  #unreachable(cause: unknown): LogError {
    const { endpoint } = this.#endpoint
    const fault = tlsFault(cause)
    const reason = fault ?? (cause instanceof Error ? cause.message : String(cause))
    const message = `Cannot get a token from "${endpoint}": ${reason}, want an answer`
    return new LogError(fault ? 'LOG_TLS_FAILED' : 'LOG_UNAVAILABLE', message, { retriable: !fault, cause })
  }
}

async function bodyOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_ANSWER_BYTES) throw new Error(`the answer has over ${MAX_ANSWER_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** RFC 6749 sections 5.1 and 5.2. What the endpoint says of a fault is told; a body that may hold a token is not. */
function readToken(status: number, body: string): { token: string; lifeMs: number } {
  const { access_token: token, expires_in: seconds, error, error_description: detail } = parseObject(body)
  if (status === 200 && typeof token === 'string' && token !== '') {
    const life = Number(seconds)
    return { token, lifeMs: life > 0 ? life * 1000 : UNKNOWN_LIFE_MS }
  }
  const said = [error, detail].filter((one) => typeof one === 'string').join(': ')
  if (status >= 400 && status < 500) {
    throw notAuthenticated(`the token endpoint refuses us with ${status} ${said}`.trimEnd())
  }
  throw new Error(`it answered ${status}${status === 200 ? ' without a token' : ''}`)
}

function parseObject(text: string): { readonly [name: string]: unknown } {
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {}
  } catch {
    return {}
  }
}
