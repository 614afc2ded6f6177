import type { HttpAnswer, HttpHandler, HttpHost, HttpRequest } from '../component/http.ts'

interface Mount {
  readonly prefix: string
  readonly handler: HttpHandler
}

/** The handlers that sources mounted, in the order in which they came. */
export class Mounts implements HttpHost {
  readonly #mounts = new Set<Mount>()

  post(prefix: string, handler: HttpHandler): () => void {
    const mount = { prefix: prefix.replace(/\/+$/, ''), handler }
    this.#mounts.add(mount)
    return () => void this.#mounts.delete(mount)
  }

  /** Whether a handler is mounted for this (decoded) path. */
  covers(path: string): boolean {
    return [...this.#mounts].some((mount) => path.startsWith(`${mount.prefix}/`))
  }

  /** The answer of the first handler that does not say 404; undefined where none is mounted for this path. */
  async answer(path: string, request: Omit<HttpRequest, 'path'>): Promise<HttpAnswer | undefined> {
    let answer: HttpAnswer | undefined
    for (const { prefix, handler } of this.#mounts) {
      if (!path.startsWith(`${prefix}/`)) continue
      answer = await handler({ ...request, path: path.slice(prefix.length + 1) })
      if (answer.status !== 404) return answer
    }
    return answer
  }
}
