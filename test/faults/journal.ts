/**
 * What the machines know: every message written down before it is sent and again when it is acknowledged. The journal
 * lives in the test's process, so no kill of the hub reaches it; held against the log it tells loss, phantoms and
 * inversions.
 */
export class Journal {
  /** By device: how many were sent (numbered from 1), and which of them were acknowledged. */
  readonly #devices = new Map<string, { sent: number; readonly acked: Set<number> }>()

  send(device: string): number {
    const entry = this.#entry(device)
    entry.sent += 1
    return entry.sent
  }

  acknowledge(device: string, number: number): void {
    this.#entry(device).acked.add(number)
  }

  get acknowledged(): number {
    return [...this.#devices.values()].reduce((sum, { acked }) => sum + acked.size, 0)
  }

  /** Holds what was read, in the order of the log per device, against what was sent and acknowledged. */
  check(read: ReadonlyMap<string, readonly number[]>): Verdict {
    const verdict: Verdict = { acknowledged: this.acknowledged, lost: [], phantoms: [], inversions: [], repeated: 0 }
    for (const [device, { sent, acked }] of this.#devices) {
      const numbers = read.get(device) ?? []
      const seen = new Set<number>()
      let highest = 0
      for (const number of numbers) {
        if (number > sent || number < 1) verdict.phantoms.push(`${device} ${number}`)
        if (seen.has(number)) verdict.repeated += 1
        else if (number < highest) verdict.inversions.push(`${device} ${number} after ${highest}`)
        seen.add(number)
        highest = Math.max(highest, number)
      }
      for (const number of acked) if (!seen.has(number)) verdict.lost.push(`${device} ${number}`)
    }
    for (const device of read.keys()) if (!this.#devices.has(device)) verdict.phantoms.push(device)
    return verdict
  }

  #entry(device: string) {
    let entry = this.#devices.get(device)
    if (!entry) {
      entry = { sent: 0, acked: new Set() }
      this.#devices.set(device, entry)
    }
    return entry
  }
}

export interface Verdict {
  readonly acknowledged: number
  /** Acknowledged and not readable. */
  readonly lost: string[]
  /** Read and never sent. */
  readonly phantoms: string[]
  /** A first occurrence behind a later number of the same device. */
  readonly inversions: string[]
  /** Redelivered after a crash: allowed, and counted. */
  repeated: number
}
