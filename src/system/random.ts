import { randomBytes, randomInt } from 'node:crypto'

/** Chance, as an argument: seeded in tests and in the simulator, the operating system's elsewhere. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  /** Uniform integer in [0, limit). */
  integer(limit: number): number
  /** Fresh bytes, for ids and nonces. */
  bytes(count: number): Uint8Array
}

/** Cryptographically strong, from the operating system. */
export const systemRandom: Random = {
  next: () => randomInt(2 ** 47) / 2 ** 47,
  integer: (limit) => randomInt(limit),
  bytes: (count) => randomBytes(count),
}

/** Reproducible: the same seed gives the same sequence (mulberry32; fast, not for secrets). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  return {
    next,
    integer: (limit) => Math.floor(next() * limit),
    bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(next() * 256)),
  }
}
