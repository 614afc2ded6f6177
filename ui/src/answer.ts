import { useContext, useEffect, useState } from 'preact/hooks'
import type { ProblemView } from '../../src/api/contract.ts'
import { Moment } from './moment-context.ts'
import { asOf } from './moment.ts'

/** What the hub said last to a question that is asked again and again. */
export interface Answer<T> {
  /** The last good answer to this very question; undefined until there is one. */
  readonly value: T | undefined
  /** Why the newest attempt failed; what is shown is then the past. */
  readonly problem: string | undefined
}

const NOTHING: Answer<never> = { value: undefined, problem: undefined }

/**
 * Asks the hub, again `everyMs` after each answer (0: once), and whenever `revision` is another one; as of the moment that the
 * page shows, which is asked once: the past does not change.
 */
export function useAnswer<T>(question: string, everyMs: number, revision?: number): Answer<T> {
  const moment = useContext(Moment)
  const url = asOf(question, moment)
  const isPast = url !== question
  const { value, problem } = useAnswers<T>([url], isPast ? 0 : everyMs, isPast ? undefined : revision)
  return { value: value?.[0], problem }
}

/** The same for several questions at once, as they are: the answers in their order, and the first problem. */
export function useAnswers<T>(urls: readonly string[], everyMs: number, revision?: number): Answer<readonly T[]> {
  const key = urls.join(' ')
  const [answer, setAnswer] = useState<{ readonly of: string } & Answer<readonly T[]>>({ of: key, ...NOTHING })
  useEffect(() => {
    const stop = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const ask = async () => {
      const all = await Promise.all(urls.map((url) => get<T>(url, stop.signal)))
      if (stop.signal.aborted) return
      const problem = all.find((one) => one.problem !== undefined)?.problem
      const value = problem === undefined ? all.map((one) => one.value!) : undefined
      // What was known stays on the page: the problem says that it is the past.
      setAnswer((last) => ({ of: key, value: value ?? (last.of === key ? last.value : undefined), problem }))
      if (everyMs > 0) timer = setTimeout(() => void ask(), everyMs)
    }
    void ask()
    return () => {
      stop.abort()
      clearTimeout(timer)
    }
  }, [key, everyMs, revision])
  return answer.of === key ? answer : NOTHING
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
