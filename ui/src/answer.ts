import { useEffect, useState } from 'preact/hooks'
import type { ProblemView } from '../../src/api/contract.ts'

/** What the hub said last to a question that is asked again and again. */
export interface Answer<T> {
  /** The last good answer to this very question; undefined until there is one. */
  readonly value: T | undefined
  /** Why the newest attempt failed; what is shown is then the past. */
  readonly problem: string | undefined
}

const NOTHING: Answer<never> = { value: undefined, problem: undefined }

/** Asks the hub, again `everyMs` after each answer (0: once), and whenever `revision` is another one. */
export function useAnswer<T>(url: string, everyMs: number, revision?: number): Answer<T> {
  const [answer, setAnswer] = useState<{ readonly of: string } & Answer<T>>({ of: url, ...NOTHING })
  useEffect(() => {
    const stop = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const ask = async () => {
      const next = await get<T>(url, stop.signal)
      if (stop.signal.aborted) return
      // What was known stays on the page: the problem says that it is the past.
      setAnswer((last) => ({
        of: url,
        value: next.value ?? (last.of === url ? last.value : undefined),
        problem: next.problem,
      }))
      if (everyMs > 0) timer = setTimeout(() => void ask(), everyMs)
    }
    void ask()
    return () => {
      stop.abort()
      clearTimeout(timer)
    }
  }, [url, everyMs, revision])
  return answer.of === url ? answer : NOTHING
}

async function get<T>(url: string, signal: AbortSignal): Promise<Answer<T>> {
  try {
    const answer = await fetch(url, { signal })
    if (answer.ok) return { value: (await answer.json()) as T, problem: undefined }
    const { message } = (await answer.json()) as ProblemView
    return { value: undefined, problem: message }
  } catch {
    return { value: undefined, problem: 'The hub does not answer' }
  }
}
