import { fdatasync, fsyncSync, closeSync, openSync, readSync } from 'node:fs'
import { constants } from 'node:fs'
import * as fs from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import type { Disk, DiskFile } from './disk.ts'

const datasync = promisify(fdatasync)

/** The machine's own file system. */
export const fileDisk: Disk = {
  async open(path, mode) {
    const flags = mode === 'read' ? constants.O_RDONLY : constants.O_RDWR | constants.O_CREAT
    return new NodeFile(path, await fs.open(path, flags, 0o600))
  },
  async list(directory) {
    try {
      return (await fs.readdir(directory)).sort()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  },
  async makeDirectory(directory) {
    try {
      await makeOne(directory)
    } catch (error) {
      const parent = dirname(directory)
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === directory) throw error
      // Not `recursive`: where a directory is there and takes no other (/proc), Node tries for ever.
      await fileDisk.makeDirectory(parent)
      await makeOne(directory)
    }
  },
  readFile: (path) => fs.readFile(path),
  rename: (from, to) => fs.rename(from, to),
  remove: (path) => fs.rm(path, { recursive: true, force: true }),
  async syncDirectory(directory) {
    const handle = openSync(directory, 'r')
    try {
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
  },
  async exists(path) {
    return fs.access(path).then(
      () => true,
      () => false,
    )
  },
  async free(path) {
    const { bavail, bsize } = await fs.statfs(path)
    return bavail * bsize
  },
}

async function makeOne(directory: string): Promise<void> {
  try {
    await fs.mkdir(directory, { mode: 0o700 })
  } catch (error) {
    const there = (error as NodeJS.ErrnoException).code === 'EEXIST'
    if (!there || !(await fs.stat(directory)).isDirectory()) throw error
  }
}

class NodeFile implements DiskFile {
  readonly path: string
  readonly #handle: fs.FileHandle

  constructor(path: string, handle: fs.FileHandle) {
    this.path = path
    this.#handle = handle
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size
  }

  async write(data: readonly Uint8Array[], position: number): Promise<void> {
    let at = position
    let left = data.filter((part) => part.length > 0)
    while (left.length > 0) {
      // A kernel takes at most IOV_MAX (1,024) parts a call, and may take fewer bytes than offered.
      const { bytesWritten } = await this.#handle.writev(left.slice(0, 1024), at)
      at += bytesWritten
      left = dropBytes(left, bytesWritten)
    }
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    return (await this.#handle.read(into, 0, into.length, position)).bytesRead
  }

  readSync(into: Uint8Array, position: number): number {
    return readSync(this.#handle.fd, into, 0, into.length, position)
  }

  datasync(): Promise<void> {
    return datasync(this.#handle.fd)
  }

  async truncate(size: number): Promise<void> {
    await this.#handle.truncate(size)
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }
}

function dropBytes(parts: readonly Uint8Array[], count: number): Uint8Array[] {
  let left = count
  const rest: Uint8Array[] = []
  for (const part of parts) {
    if (left >= part.length) {
      left -= part.length
    } else {
      rest.push(left > 0 ? part.subarray(left) : part)
      left = 0
    }
  }
  return rest
}
