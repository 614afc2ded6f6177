import type { HttpAnswer, HttpHandler, HttpHost, HttpRequest } from '../component/http.ts'
import { ApiError } from './errors.ts'

interface Mount {
  readonly prefix: string
  readonly handler: HttpHandler
}

/** The handlers that sources mounted, in the order in which they came. */
export class Mounts implements HttpHost {
  readonly #mounts = new Set<Mount>()
  /** Prefixes of handlers that went and did not come back: their source restarts, or the hub ends. */
  readonly #away: string[] = []

  post(prefix: string, handler: HttpHandler): () => void {
    const mount = { prefix: prefix.replace(/\/+$/, ''), handler }
    this.#mounts.add(mount)
    const back = this.#away.indexOf(mount.prefix)
    if (back >= 0) this.#away.splice(back, 1)
    return () => {
      if (this.#mounts.delete(mount)) this.#away.push(mount.prefix)
    }
  }

  /** Whether a handler is mounted for this (decoded) path. */
  covers(path: string): boolean {
    return [...this.#mounts].some((mount) => isAt(path, mount.prefix)) || this.#isAway(path)
  }

  /**
   * The answer of the first handler that does not say 404; undefined where none is mounted for this path.
   * @throws ApiError `NOT_STORED` where one was: a machine that hears 404 might throw its data away
   */
  async answer(path: string, request: Omit<HttpRequest, 'path'>): Promise<HttpAnswer | undefined> {
    let answer: HttpAnswer | undefined
    for (const { prefix, handler } of this.#mounts) {
      if (!isAt(path, prefix)) continue
      answer = await handler({ ...request, path: path.slice(prefix.length + 1) })
      if (answer.status !== 404) return answer
    }
    if (!this.#isAway(path)) return answer
    const message = 'Cannot store the request: its source is not running, want it sent again'
    throw new ApiError(503, 'NOT_STORED', message, { 'retry-after': '1' })
  }

  #isAway(path: string): boolean {
    return this.#away.some((prefix) => isAt(path, prefix))
  }
}

function isAt(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`)
}
