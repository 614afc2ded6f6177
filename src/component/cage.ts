import type { Json } from '../model/json-value.ts'

/** Code that is not ours, and what it may take. It runs in a process of its own. */
export interface Cage {
  /** The module, as an absolute path. */
  readonly file: string
  readonly settings: Json
  /** Longest that a call with up to 500 facts may take, ms. */
  readonly timeoutMs: number
  /** Most memory of its heap, MB. */
  readonly memoryMb: number
}
