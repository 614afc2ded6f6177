import { createHash } from 'node:crypto'
import type { HttpAnswer, HttpRequest } from '../../component/http.ts'
import type { Clock } from '../../system/clock.ts'

/** Longest `Idempotency-Key` that is taken, in characters. */
const LONGEST_KEY = 255

/** How long an answer is remembered, and how many of them. */
export interface WindowLimits {
  readonly keys: number
  readonly ms: number
}

interface Remembered {
  /** Of all that makes a request the same one. */
  readonly digest: string
  readonly answer: Promise<HttpAnswer>
  /** When it was asked; monotonic. */
  readonly at: number
}

/**
 * Answers of requests that carried an `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07), so that the same
 * request sent again is answered again and stored once. In memory: a restart forgets it, and so does time.
 */
export class IdempotencyWindow {
  readonly #clock: Clock
  readonly #limits: WindowLimits
  /** In the order of asking. */
  readonly #answers = new Map<string, Remembered>()

  constructor(clock: Clock, limits: WindowLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  /**
   * The answer of `handle`, or the one it gave to the same request before; one that is still on its way is waited for.
   * The same key with another request is refused. Only answers of requests that took effect (200 and 422) are remembered.
   */
  async once(key: string, request: HttpRequest, handle: () => Promise<HttpAnswer>): Promise<HttpAnswer> {
    if (key === '' || key.length > LONGEST_KEY) {
      return problem(400, `it has ${key.length} characters, want 1 to ${LONGEST_KEY}`)
    }
    const name = `${request.caller ?? ''}\0${key}`
    const digest = digestOf(request)
    const known = this.#known(name)
    if (known !== undefined) {
      if (known.digest !== digest) return problem(422, 'it came with another request, want a new key for each')
      const answer = await known.answer
      return { ...answer, headers: { ...answer.headers, 'idempotency-replayed': 'true' } }
    }
    const answer = handle()
    const entry = { digest, answer, at: this.#clock.monotonic() }
    this.#remember(name, entry)
    const { status } = await answer
    if (status !== 200 && status !== 422 && this.#answers.get(name) === entry) this.#answers.delete(name)
    return answer
  }

  #known(name: string): Remembered | undefined {
    const known = this.#answers.get(name)
    if (known === undefined || this.#clock.monotonic() - known.at <= this.#limits.ms) return known
    this.#answers.delete(name)
    return undefined
  }

  #remember(name: string, entry: Remembered): void {
    const oldest = entry.at - this.#limits.ms
    for (const [other, { at }] of this.#answers) {
      if (at >= oldest && this.#answers.size < this.#limits.keys) break
      this.#answers.delete(other)
    }
    this.#answers.set(name, entry)
  }
}

function digestOf({ path, headers, body }: HttpRequest): string {
  const hash = createHash('sha256')
  for (const part of [path, headers['content-type'] ?? '']) hash.update(part).update('\0')
  return hash.update(body).digest('base64')
}

function problem(status: number, what: string): HttpAnswer {
  return { status, body: { code: 'BAD_IDEMPOTENCY_KEY', message: `Cannot use Idempotency-Key: ${what}` } }
}
