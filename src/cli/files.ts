import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { loadPlant } from '../config/load.ts'
import type { Plant } from '../config/plant.ts'
import { ConfigError } from '../config/problem.ts'
import { KINDS } from '../registry.ts'

/**
 * Reads and checks a config file with everything it refers to.
 * @throws ConfigError
 */
export async function readPlant(file: string): Promise<Plant> {
  return parsePlant(file, await read(file))
}

/** The same for a config that is already in memory; `file` is what problems name. */
export function parsePlant(file: string, bytes: Uint8Array): Promise<Plant> {
  return loadPlant(file, bytes, KINDS, {
    env: process.env,
    readFile: (path) => readFile(resolve(dirname(file), path), 'utf8').catch(() => undefined),
    readBytes: (path) => readFile(resolve(dirname(file), path)).catch(() => undefined),
  })
}

async function read(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why =
      code === 'ENOENT' ? 'it is not there, want a config file (millrace init writes one)' : (code ?? String(error))
    throw new ConfigError([{ file, line: 1, column: 1, message: `Cannot read config "${file}": ${why}` }])
  }
}
