import { ClientError, problemOf } from './client-error.ts'

export interface HttpOptions {
  /** Where the hub's page is: `https://hub.example:8080`. */
  readonly url: string
  readonly token?: string
  /** How long an answer may take. */
  readonly timeoutMs: number
}

/** What a query may hold; undefined is left out. */
export interface Query {
  readonly [name: string]: string | number | boolean | Date | readonly string[] | undefined
}

/** Requests to a hub: JSON out, JSON in, every refusal a `ClientError`. */
export class Http {
  readonly #options: HttpOptions

  constructor(options: HttpOptions) {
    this.#options = options
  }

  get url(): URL {
    return new URL(this.#options.url)
  }

  get headers(): { readonly [name: string]: string } {
    const { token } = this.#options
    return token === undefined ? {} : { authorization: `Bearer ${token}` }
  }

  get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
    const url = new URL(path, this.url)
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, textOf(value))
    return this.#ask(url, {}, signal)
  }

  post<T>(path: string, body: object, signal?: AbortSignal): Promise<T> {
    const headers = { 'content-type': 'application/json' }
    return this.#ask(new URL(path, this.url), { method: 'POST', headers, body: JSON.stringify(body) }, signal)
  }

  async #ask<T>(
    url: URL,
    init: { method?: string; headers?: object; body?: string },
    signal?: AbortSignal,
  ): Promise<T> {
    const late = AbortSignal.timeout(this.#options.timeoutMs)
    const ended = signal === undefined ? late : AbortSignal.any([signal, late])
    try {
      const answer = await fetch(url, { ...init, headers: { ...init.headers, ...this.headers }, signal: ended })
      if (!answer.ok) throw await problemOf(answer)
      return (await answer.json()) as T
    } catch (error) {
      if (error instanceof ClientError) throw error
      signal?.throwIfAborted()
      throw unanswered(url, error, late.aborted, this.#options.timeoutMs)
    }
  }
}

/** A path of an asset as it stands in an address. */
export function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/')
}

function textOf(value: NonNullable<Query[string]>): string {
  if (value instanceof Date) return value.toISOString()
  return typeof value === 'object' ? value.join(',') : String(value)
}

function unanswered({ origin }: URL, cause: unknown, isLate: boolean, timeoutMs: number): ClientError {
  if (isLate) {
    const message = `Cannot wait for "${origin}": no answer in ${timeoutMs} ms, want one in that time`
    return new ClientError('HUB_TOO_SLOW', message, { retry: true, cause })
  }
  if (cause instanceof SyntaxError) {
    const message = `Cannot use the answer of "${origin}": it is no JSON, want a hub`
    return new ClientError('HUB_NOT_UNDERSTOOD', message, { retry: false, cause })
  }
  const message = `Cannot reach "${origin}": no connection, want a hub that listens there`
  return new ClientError('HUB_UNREACHABLE', message, { retry: true, cause })
}
