import { tidy } from './lots.ts'

/** Changes that are kept one by one: a count or an ERP figure of an hour ago is set against the stock of an hour ago. */
const MOST_ENTRIES = 200

/** The last changes of an account, by event time. */
export interface History {
  /** `[time, change]`, oldest first. */
  readonly entries: [time: number, change: number][]
  /** Changes up to this time may have been forgotten. */
  forgottenUpTo: number
}

export function newHistory(): History {
  return { entries: [], forgottenUpTo: -Infinity }
}

/** Remembers a change of the stock that took place at a time. */
export function note({ entries }: History, time: number, change: number): void {
  let at = entries.length
  while (at > 0 && entries[at - 1]![0] > time) at -= 1
  entries.splice(at, 0, [time, change])
}

/** Forgets what is too much; returns nothing, but the time up to which changes are no longer known grows. */
export function forget(history: History): void {
  const { entries } = history
  if (entries.length <= MOST_ENTRIES) return
  const gone = entries.splice(0, entries.length - MOST_ENTRIES)
  history.forgottenUpTo = Math.max(history.forgottenUpTo, gone.at(-1)![0])
}

/** By how much the stock has changed after a time; undefined: that is no longer known. */
export function changeSince({ entries, forgottenUpTo }: History, time: number): number | undefined {
  if (time < forgottenUpTo) return undefined
  return tidy(entries.reduce((sum, [at, change]) => (at > time ? sum + change : sum), 0))
}
