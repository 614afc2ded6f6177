import { tidy } from './lots.ts'

/** Parts that the window is measured in: memory of it is bounded, and it slides by one of them. */
const PARTS = 24

/** What has been used, in parts of the window. */
export interface Usage {
  /** Quantity by number of its part since the epoch, ascending. */
  readonly parts: Map<number, number>
  /** Since when the account is known. */
  since: number | undefined
}

export function newUsage(): Usage {
  return { parts: new Map(), since: undefined }
}

/** Notes that the account was there at a time. */
export function observe(usage: Usage, time: number): void {
  usage.since = Math.min(usage.since ?? time, time)
}

/** Notes a quantity that was used at a time; of what is older than the window nothing is kept. */
export function use(usage: Usage, windowMs: number, time: number, now: number, quantity: number): void {
  const part = partOf(windowMs, time)
  if (part > partOf(windowMs, now) - PARTS) usage.parts.set(part, tidy((usage.parts.get(part) ?? 0) + quantity))
}

/**
 * Quantity an hour over the window, or over the time since the account is known where that is shorter; 0 where nothing is
 * used, and before a quarter of the window has been seen, from which nobody could tell.
 */
export function usedPerHour(usage: Usage, windowMs: number, now: number): number {
  const current = partOf(windowMs, now)
  for (const part of usage.parts.keys()) if (part <= current - PARTS) usage.parts.delete(part)
  let sum = 0
  for (const [part, quantity] of usage.parts) if (part <= current) sum += quantity
  const elapsedMs = Math.min(now - (usage.since ?? now), windowMs)
  return sum === 0 || elapsedMs < windowMs / 4 ? 0 : (sum / elapsedMs) * 3_600_000
}

/** When the window next slides. */
export function nextPartAt(windowMs: number, now: number): number {
  return (partOf(windowMs, now) + 1) * partMs(windowMs)
}

function partOf(windowMs: number, time: number): number {
  return Math.floor(time / partMs(windowMs))
}

function partMs(windowMs: number): number {
  return windowMs / PARTS
}
