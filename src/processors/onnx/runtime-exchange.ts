/** Places of the control block, and the states of its first one. */
export const RUNTIME = {
  state: 0,
  /** How many numbers, or bytes of a fault, there are. */
  count: 1,
  opening: 0,
  asked: 1,
  answered: 2,
  failed: 3,
} as const

/** What the two threads share. */
export interface Exchange {
  /** Path of the library's main file. */
  readonly library: string
  readonly model: Uint8Array
  /** Name of the model's output; undefined: its first. */
  readonly output: string | undefined
  /** Numbers that are given. */
  readonly size: number
  readonly control: SharedArrayBuffer
  readonly given: SharedArrayBuffer
  readonly results: SharedArrayBuffer
  readonly fault: SharedArrayBuffer
}
