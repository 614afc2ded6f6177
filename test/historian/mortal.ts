import { startEngine, type Engine } from '../../src/historian/engine.ts'
import type { Disk, DiskFile } from '../../src/system/disk.ts'

/** How many more calls to the disk and to the store a historian makes before it is killed. */
export class Life {
  readonly ended: Promise<void>
  #left: number
  #end!: () => void

  constructor(calls: number) {
    this.#left = calls
    this.ended = new Promise((resolve) => (this.#end = resolve))
  }

  get isOver(): boolean {
    return this.#left < 0
  }

  /** The next call kills. */
  end(): void {
    this.#left = 0
  }

  /** @throws Error from the call on that kills */
  spend(): void {
    this.#left -= 1
    if (!this.isOver) return
    this.#end()
    throw new Error('killed')
  }
}

/** A disk that does nothing any more once a life is over; the last write may be half of one. */
export function mortalDisk(disk: Disk, life: Life): Disk {
  const mortal = (file: DiskFile): DiskFile => ({
    path: file.path,
    size: async () => (life.spend(), file.size()),
    async write(data, position) {
      try {
        life.spend()
      } catch (error) {
        const bytes = Buffer.concat(data)
        await file.write([bytes.subarray(0, bytes.length >> 1)], position)
        throw error
      }
      await file.write(data, position)
    },
    read: async (into, position) => (life.spend(), file.read(into, position)),
    readSync: (into, position) => (life.spend(), file.readSync(into, position)),
    datasync: async () => (life.spend(), file.datasync()),
    truncate: async (size) => (life.spend(), file.truncate(size)),
    // Not a call that can be told from the end of the process.
    close: () => file.close(),
  })
  return {
    open: async (path, mode) => (life.spend(), mortal(await disk.open(path, mode))),
    list: async (directory) => (life.spend(), disk.list(directory)),
    makeDirectory: async (directory) => (life.spend(), disk.makeDirectory(directory)),
    readFile: async (path) => (life.spend(), disk.readFile(path)),
    rename: async (from, to) => (life.spend(), disk.rename(from, to)),
    remove: async (path) => (life.spend(), disk.remove(path)),
    syncDirectory: async (directory) => (life.spend(), disk.syncDirectory(directory)),
    exists: async (path) => (life.spend(), disk.exists(path)),
    free: async (path) => (life.spend(), disk.free(path)),
  }
}

/** The store of a historian whose life may end at any call. */
export function mortalEngine(life: Life): Engine {
  const engine = startEngine()
  return {
    ended: engine.ended,
    close: () => engine.close(),
    async call(call, signal) {
      if (call.kind !== 'append') life.spend()
      return engine.call(call, signal)
    },
  }
}
