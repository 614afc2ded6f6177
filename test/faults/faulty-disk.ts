import type { Disk, DiskFile } from '../../src/system/disk.ts'

export type DiskCall = 'open' | 'write' | 'datasync' | 'truncate' | 'rename' | 'remove' | 'syncDirectory' | 'readSync'

/** One planned failure. */
export interface Fault {
  readonly call: DiskCall
  /** Which files or directories count. */
  readonly path: RegExp
  /** The call that fails first, counted from 1 among those that match. */
  readonly nth: number
  /** How many fail from there on; default 1. */
  readonly times?: number
  /** ENOSPC, EIO, EDQUOT ... */
  readonly code: string
  /** A `write` puts half of its bytes into the file before it fails. */
  readonly short?: boolean
}

/** A real disk on which planned calls fail. Faults may be added while it is in use; `struck` counts what has failed. */
export class FaultyDisk implements Disk {
  readonly faults: Fault[] = []
  readonly #disk: Disk
  readonly #seen = new Map<Fault, number>()
  struck = 0

  constructor(disk: Disk) {
    this.#disk = disk
  }

  async open(path: string, mode: 'read' | 'append'): Promise<DiskFile> {
    this.strike('open', path)
    return new FaultyFile(this, await this.#disk.open(path, mode))
  }

  async rename(from: string, to: string): Promise<void> {
    this.strike('rename', to)
    return this.#disk.rename(from, to)
  }

  async remove(path: string): Promise<void> {
    this.strike('remove', path)
    return this.#disk.remove(path)
  }

  async syncDirectory(directory: string): Promise<void> {
    this.strike('syncDirectory', directory)
    return this.#disk.syncDirectory(directory)
  }

  list = (directory: string) => this.#disk.list(directory)
  makeDirectory = (directory: string) => this.#disk.makeDirectory(directory)
  readFile = (path: string) => this.#disk.readFile(path)
  exists = (path: string) => this.#disk.exists(path)
  free = (path: string) => this.#disk.free(path)

  /** Throws where a fault is planned for this call. */
  strike(call: DiskCall, path: string): void {
    const fault = this.due(call, path)
    if (fault !== undefined) throw failure(fault, call, path)
  }

  due(call: DiskCall, path: string): Fault | undefined {
    let due: Fault | undefined
    for (const fault of this.faults) {
      if (fault.call !== call || !fault.path.test(path)) continue
      const seen = (this.#seen.get(fault) ?? 0) + 1
      this.#seen.set(fault, seen)
      if (seen >= fault.nth && seen < fault.nth + (fault.times ?? 1)) due ??= fault
    }
    if (due !== undefined) this.struck++
    return due
  }
}

function failure({ code }: Fault, call: string, path: string): Error {
  return Object.assign(new Error(`${code}: planned, ${call} '${path}'`), { code })
}

class FaultyFile implements DiskFile {
  readonly path: string
  readonly #disk: FaultyDisk
  readonly #file: DiskFile

  constructor(disk: FaultyDisk, file: DiskFile) {
    this.path = file.path
    this.#disk = disk
    this.#file = file
  }

  async write(data: readonly Uint8Array[], position: number): Promise<void> {
    const fault = this.#disk.due('write', this.path)
    if (fault === undefined) return this.#file.write(data, position)
    const bytes = Buffer.concat(data)
    if (fault.short) await this.#file.write([bytes.subarray(0, bytes.length >> 1)], position)
    throw failure(fault, 'write', this.path)
  }

  readSync(into: Uint8Array, position: number): number {
    this.#disk.strike('readSync', this.path)
    return this.#file.readSync(into, position)
  }

  async datasync(): Promise<void> {
    this.#disk.strike('datasync', this.path)
    return this.#file.datasync()
  }

  async truncate(size: number): Promise<void> {
    this.#disk.strike('truncate', this.path)
    return this.#file.truncate(size)
  }

  size = () => this.#file.size()
  read = (into: Uint8Array, position: number) => this.#file.read(into, position)
  close = () => this.#file.close()
}
