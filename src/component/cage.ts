import type { Operator } from './topology.ts'

/** Code that is not ours, and what it may take. It runs in a process of its own. */
export interface Cage {
  /** The module, as an absolute path. */
  readonly file: string
  /** What it is told; it is cloned. */
  readonly settings: unknown
  /** Longest that a call with up to 500 facts may take, ms. */
  readonly timeoutMs: number
  /** Most memory of its heap, MB. */
  readonly memoryMb: number
  /** Folder of a native library that it needs. Then it may load that, and have threads; absent: neither. */
  readonly library?: string
}

/** Stands in a topology for an operator that is loaded in the cage and nowhere else. */
export const ELSEWHERE: Operator = {
  create: () => null,
  take() {
    throw new Error('The code of a processor runs in its cage only')
  },
}
