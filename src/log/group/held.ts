import type { PartitionRef } from '../groups.ts'

/** One partition, from when a member was given it until it went. What comes back later is another one. */
export class Held {
  readonly ref: PartitionRef
  /** `coming`: its position is being found. `going`: nothing more of it is handed out. */
  state: 'coming' | 'here' | 'going' | 'gone' = 'coming'
  /** One past what was handed out, and what is written down; -1: nothing. */
  handedOut = -1
  committed = -1
  /** How often the caller had asked for a batch when the last one of this partition was handed out. */
  handedOutAt = -1
  /** Resolves when it is read, or will not be. */
  restored: Promise<void> = Promise.resolve()

  constructor(ref: PartitionRef) {
    this.ref = ref
  }

  get gone(): boolean {
    return this.state === 'gone'
  }
}

export function keyOf({ topic, partition }: PartitionRef): string {
  return `${topic}/${partition}`
}
