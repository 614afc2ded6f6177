import type { Log } from '../../src/log/log.ts'

/**
 * Writers whose records are numbered by key, and what they were promised: the checker of a log under faults. A record
 * is in the journal before it is handed over, and marked when its append resolved.
 */
export class Journal {
  /** By key: how many were handed over. */
  readonly #sent = new Map<string, number>()
  /** By key: the numbers that were acknowledged. */
  readonly #acked = new Map<string, Set<number>>()
  /** By key: the numbers that were refused; whether they are stored is unknown. */
  refused = 0

  /** How many appends resolved. */
  get acked(): number {
    return [...this.#acked.values()].reduce((sum, numbers) => sum + numbers.size, 0)
  }

  /** Appends until the signal aborts, a few at a time, and waits for what is under way. */
  async write(log: Log, topic: string, keys: number, signal: AbortSignal): Promise<void> {
    const calls = new Set<Promise<void>>()
    for (let i = 0; !signal.aborted; i++) {
      await log.ready()
      const call = this.#append(log, topic, `key${i % keys}`)
      calls.add(call)
      void call.finally(() => calls.delete(call))
      if (calls.size >= 200) await Promise.race(calls)
      if (i % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 2))
    }
    await Promise.all(calls)
  }

  async #append(log: Log, topic: string, key: string): Promise<void> {
    const number = this.#sent.get(key) ?? 0
    this.#sent.set(key, number + 1)
    try {
      await log.append(topic, [{ key, value: `${number}`, timestamp: 1_700_000_000_000 + number }])
      if (!this.#acked.has(key)) this.#acked.set(key, new Set())
      this.#acked.get(key)!.add(number)
    } catch {
      this.refused++
    }
  }

  /** What is wrong with what was read, in the order in which it was read; nothing where all promises are kept. */
  faults(read: readonly (readonly [key: string, number: number])[]): string[] {
    const faults: string[] = []
    const last = new Map<string, number>()
    const seen = new Set<string>()
    for (const [key, number] of read) {
      if (seen.has(`${key}/${number}`)) faults.push(`${key}/${number} is there twice`)
      else if (number < (last.get(key) ?? -1)) faults.push(`${key}/${number} comes after ${last.get(key)}`)
      if (number >= (this.#sent.get(key) ?? 0)) faults.push(`${key}/${number} was never sent`)
      seen.add(`${key}/${number}`)
      last.set(key, Math.max(number, last.get(key) ?? -1))
    }
    for (const [key, numbers] of this.#acked) {
      for (const number of numbers) {
        if (!seen.has(`${key}/${number}`)) faults.push(`${key}/${number} was acknowledged and is lost`)
      }
    }
    return faults
  }
}
