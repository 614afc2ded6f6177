import type { Clock } from '../../system/clock.ts'
import type { Logger } from '../../system/logger.ts'
import type { Random } from '../../system/random.ts'

/** Most records that wait for their 200; then the oldest is let go, and counted. */
const MOST_WAITING = 1_000

const TIMEOUT_MS = 5_000
const RETRY_MS = { first: 500, longest: 10_000 } as const

/** Posts records one after the other, each until it is stored: the order stays, and nothing counts twice. */
export interface Poster {
  /** To `<url>/api/v1/<route>`. */
  post(route: string, body: object): void
  readonly counts: { readonly skipped: number; readonly stored: number }
  /** Resolves when nothing waits. */
  idle(): Promise<void>
  close(): Promise<void>
}

export function startPoster(url: string, clock: Clock, random: Random, logger: Logger): Poster {
  const waiting: { route: string; body: object; key: string }[] = []
  const counts = { skipped: 0, stored: 0 }
  const stop = new AbortController()
  let wake = Promise.withResolvers<void>()
  let idle = Promise.withResolvers<void>()
  idle.resolve()

  const run = async () => {
    for (let failures = 0; !stop.signal.aborted;) {
      const next = waiting[0]
      if (next === undefined) {
        idle.resolve()
        await wake.promise
        wake = Promise.withResolvers<void>()
      } else if (await send(url, next, stop.signal, logger)) {
        if (waiting[0] === next) waiting.shift()
        counts.stored += 1
        failures = 0
      } else {
        const ms = Math.min(RETRY_MS.longest, RETRY_MS.first * 2 ** failures++)
        await clock.sleep(ms * (0.5 + random.next() / 2), stop.signal).catch(() => {})
      }
    }
    idle.resolve()
  }
  const running = run()

  return {
    counts,
    post(route, body) {
      if (waiting.length === 0) idle = Promise.withResolvers<void>()
      if (waiting.length >= MOST_WAITING) {
        waiting.shift()
        counts.skipped += 1
      }
      waiting.push({ route, body, key: Buffer.from(random.bytes(12)).toString('hex') })
      wake.resolve()
    },
    idle: () => idle.promise,
    async close() {
      stop.abort()
      wake.resolve()
      await running
    },
  }
}

/** Whether it is stored now; a record the hub refuses for good is let go, since sending it again cannot help. */
async function send(
  url: string,
  { route, body, key }: { route: string; body: object; key: string },
  signal: AbortSignal,
  logger: Logger,
): Promise<boolean> {
  try {
    const path = route.split('/').map(encodeURIComponent).join('/')
    const answer = await fetch(`${url.replace(/\/$/, '')}/api/v1/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify(body),
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    })
    const said = await answer.text()
    if (answer.ok) return true
    logger.warn('Cannot post to the hub', { route, status: answer.status, said: said.slice(0, 200) })
    return answer.status < 500 && answer.status !== 429 && answer.status !== 408
  } catch (error) {
    logger.debug('Cannot reach the hub', { url, error })
    return false
  }
}
