import { copyFile, readFile, rename, rm, writeFile } from 'node:fs/promises'
import type { Random } from '../../src/system/random.ts'

/** What a disk, or somebody with a shell, may do to a file. */
export type Mutation = (file: string, chance: Chance) => Promise<void>

export interface Chance {
  readonly random: Random
  /** Other files of the lake, of whatever kind. */
  readonly others: readonly string[]
}

const BLOCK_BYTES = 512

export const MUTATIONS: { readonly [name: string]: Mutation } = {
  'a bit flipped': inPlace((bytes, random) => flip(bytes, random)),
  'bits flipped': inPlace((bytes, random) => {
    for (let i = 0; i < 20; i++) flip(bytes, random)
  }),
  'a bit flipped in the footer': inPlace((bytes, random) => flip(bytes.subarray(-Math.min(400, bytes.length)), random)),
  'a range of zeros': inPlace((bytes, random) => {
    const at = random.integer(bytes.length)
    bytes.fill(0, at, Math.min(bytes.length, at + 1 + random.integer(2 * BLOCK_BYTES)))
  }),
  'all zeros': inPlace((bytes) => void bytes.fill(0)),
  'blocks swapped': inPlace((bytes, random) => {
    const blocks = Math.max(1, Math.floor(bytes.length / BLOCK_BYTES))
    const [a, b] = [random.integer(blocks) * BLOCK_BYTES, random.integer(blocks) * BLOCK_BYTES]
    const kept = Buffer.from(bytes.subarray(a, a + BLOCK_BYTES))
    bytes.copy(bytes, a, b, b + BLOCK_BYTES)
    kept.copy(bytes, b)
  }),
  'a range of garbage': inPlace((bytes, random) => {
    bytes.set(random.bytes(Math.min(1 + random.integer(300), bytes.length)), 0)
  }),
  truncated: async (file, { random }) => {
    const bytes = await readFile(file)
    await writeFile(file, bytes.subarray(0, random.integer(bytes.length)))
  },
  emptied: (file) => writeFile(file, ''),
  extended: async (file, { random }) => {
    await writeFile(file, Buffer.concat([await readFile(file), random.bytes(1 + random.integer(2_000))]))
  },
  'twice in itself': async (file) => {
    const bytes = await readFile(file)
    await writeFile(file, Buffer.concat([bytes, bytes]))
  },
  removed: (file) => rm(file),
  'garbage of the same size': async (file, { random }) => {
    await writeFile(file, random.bytes((await readFile(file)).length))
  },
  'another file of the lake': async (file, { random, others }) => copyFile(one(others, random), file),
  'swapped with another': async (file, { random, others }) => {
    const other = one(others, random)
    await rename(other, `${other}.swap`)
    await rename(file, other)
    await rename(`${other}.swap`, file)
  },
  'copied under another name': (file) => copyFile(file, file.replace(/\d(?=\.parquet$)|$/, '9')),
}

export function one<T>(list: readonly T[], random: Random): T {
  return list[random.integer(list.length)]!
}

function inPlace(change: (bytes: Buffer, random: Random) => void): Mutation {
  return async (file, { random }) => {
    const bytes = await readFile(file)
    if (bytes.length > 0) change(bytes, random)
    await writeFile(file, bytes)
  }
}

function flip(bytes: Buffer, random: Random): void {
  bytes[random.integer(bytes.length)]! ^= 1 << random.integer(8)
}
