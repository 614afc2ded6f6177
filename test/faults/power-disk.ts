import type { Disk, DiskFile } from '../../src/system/disk.ts'
import type { Random } from '../../src/system/random.ts'

/** The unit that a disk writes as a whole, or not at all. */
const SECTOR = 512

/** What is not done, to see that a test would notice. */
export interface Negligence {
  readonly noFileSync?: boolean
  readonly noDirectorySync?: boolean
}

interface Change {
  /** A truncation where there are no bytes. */
  readonly bytes?: Uint8Array
  readonly position: number
}

interface Inode {
  content: Buffer
  durable: Buffer
  /** Since the last sync, in order. */
  changes: Change[]
}

type Entry = Inode | 'directory'

/** A change of names: all of its steps happen, or none. */
interface NameChange {
  readonly directory: string
  readonly steps: readonly { readonly path: string; readonly entry: Entry | undefined }[]
}

/**
 * A disk in memory that loses what POSIX lets it lose when the power fails: bytes written since the file's last
 * datasync (any sectors of them, in any order), and names made, changed or removed since the directory's last sync
 * (any of them), whatever became of the files themselves.
 */
export class PowerDisk implements Disk {
  /** Calls that change something, until the power fails; Infinity: it does not. */
  callsLeft = Infinity
  readonly #negligence: Negligence
  readonly #entries = new Map<string, Entry>()
  readonly #durable = new Map<string, Entry>()
  #changes: NameChange[] = []

  constructor(negligence: Negligence = {}, existing: ReadonlyMap<string, Buffer | 'directory'> = new Map()) {
    this.#negligence = negligence
    for (const [path, content] of existing) {
      const entry: Entry = content === 'directory' ? content : { content, durable: Buffer.from(content), changes: [] }
      this.#entries.set(path, entry)
      this.#durable.set(path, entry)
    }
  }

  /** The disk as the next start finds it. */
  afterCut(random: Random, negligence: Negligence = {}): PowerDisk {
    const names = new Map(this.#durable)
    for (const { steps } of this.#changes) {
      if (random.next() < 0.5) for (const { path, entry } of steps) setName(names, path, entry)
    }
    const found = new Map<string, Buffer | 'directory'>()
    for (const [path, entry] of names) {
      // A file below a directory whose own name was lost is lost with it.
      if (names.has(parent(path)) || !this.#entries.has(parent(path))) {
        found.set(path, entry === 'directory' ? entry : tear(entry, random))
      }
    }
    return new PowerDisk(negligence, found)
  }

  /** Counts a call that changes something. */
  spend(): void {
    if (this.callsLeft <= 0) throw Object.assign(new Error('EIO: the power is off'), { code: 'EIO' })
    this.callsLeft--
  }

  /** Whether this very call is the last one: the power fails while it is under way. */
  get failing(): boolean {
    return this.callsLeft <= 0
  }

  async open(path: string, mode: 'read' | 'append'): Promise<DiskFile> {
    const known = this.#entries.get(path)
    if (known === 'directory') throw missing('EISDIR', path)
    if (known !== undefined) return new PowerFile(this, path, known, this.#negligence)
    if (mode === 'read' || !this.#entries.has(parent(path))) throw missing('ENOENT', path)
    this.spend()
    const inode: Inode = { content: Buffer.alloc(0), durable: Buffer.alloc(0), changes: [] }
    this.#change(parent(path), [{ path, entry: inode }])
    return new PowerFile(this, path, inode, this.#negligence)
  }

  async list(directory: string): Promise<string[]> {
    const prefix = `${directory}/`
    const names = [...this.#entries.keys()]
      .filter((path) => path.startsWith(prefix))
      .map((path) => path.slice(prefix.length))
    return names.filter((name) => !name.includes('/')).sort()
  }

  async makeDirectory(directory: string): Promise<void> {
    if (this.#entries.has(directory)) return
    this.spend()
    this.#change(parent(directory), [{ path: directory, entry: 'directory' }])
  }

  async readFile(path: string): Promise<Uint8Array> {
    const entry = this.#entries.get(path)
    if (entry === undefined || entry === 'directory') throw missing('ENOENT', path)
    return Buffer.from(entry.content)
  }

  async rename(from: string, to: string): Promise<void> {
    this.spend()
    if (!this.#entries.has(from)) throw missing('ENOENT', from)
    // A directory takes what is in it along.
    const moved = [...this.#entries].filter(([path]) => path === from || path.startsWith(`${from}/`))
    this.#change(
      parent(to),
      moved.flatMap(([path, entry]) => [
        { path, entry: undefined },
        { path: `${to}${path.slice(from.length)}`, entry },
      ]),
    )
  }

  async remove(path: string): Promise<void> {
    const gone = [...this.#entries.keys()].filter((name) => name === path || name.startsWith(`${path}/`))
    if (gone.length === 0) return
    this.spend()
    this.#change(
      parent(path),
      gone.map((name) => ({ path: name, entry: undefined })),
    )
  }

  async syncDirectory(directory: string): Promise<void> {
    this.spend()
    if (this.failing) throw Object.assign(new Error('EIO: the power is off'), { code: 'EIO' })
    if (this.#negligence.noDirectorySync) return
    for (const { steps } of this.#changes.filter((change) => change.directory === directory)) {
      for (const { path, entry } of steps) setName(this.#durable, path, entry)
    }
    this.#changes = this.#changes.filter((change) => change.directory !== directory)
  }

  exists = async (path: string) => this.#entries.has(path)
  free = async () => 2 ** 40

  #change(directory: string, steps: NameChange['steps']): void {
    for (const { path, entry } of steps) setName(this.#entries, path, entry)
    this.#changes.push({ directory, steps })
  }
}

class PowerFile implements DiskFile {
  readonly path: string
  readonly #disk: PowerDisk
  readonly #inode: Inode
  readonly #negligence: Negligence

  constructor(disk: PowerDisk, path: string, inode: Inode, negligence: Negligence) {
    this.#disk = disk
    this.path = path
    this.#inode = inode
    this.#negligence = negligence
  }

  async write(data: readonly Uint8Array[], position: number): Promise<void> {
    this.#disk.spend()
    this.#apply({ bytes: Buffer.concat(data), position })
  }

  async truncate(size: number): Promise<void> {
    this.#disk.spend()
    this.#apply({ position: size })
  }

  async datasync(): Promise<void> {
    this.#disk.spend()
    // Others get their turn, as they do while a real disk works.
    await new Promise((resolve) => setImmediate(resolve))
    if (this.#disk.failing) throw Object.assign(new Error('EIO: the power is off'), { code: 'EIO' })
    if (this.#negligence.noFileSync) return
    this.#inode.durable = Buffer.from(this.#inode.content)
    this.#inode.changes = []
  }

  readSync(into: Uint8Array, position: number): number {
    return this.#inode.content.copy(into, 0, position, Math.min(position + into.length, this.#inode.content.length))
  }

  size = async () => this.#inode.content.length
  read = async (into: Uint8Array, position: number) => this.readSync(into, position)
  close = async () => {}

  #apply(change: Change): void {
    this.#inode.changes.push(change)
    this.#inode.content = applied(this.#inode.content, change)
  }
}

function applied(content: Buffer, { bytes, position }: Change): Buffer {
  const size = bytes === undefined ? position : Math.max(content.length, position + bytes.length)
  const next = Buffer.alloc(size)
  content.copy(next)
  if (bytes !== undefined) next.set(bytes, position)
  return next
}

/** Some of what was not synced, sector by sector. */
function tear(inode: Inode, random: Random): Buffer {
  let content: Buffer = Buffer.from(inode.durable)
  const share = random.next()
  for (const { bytes, position } of inode.changes) {
    if (bytes === undefined) {
      if (random.next() < share) content = applied(content, { position })
      continue
    }
    // A file may have grown although the bytes never came: they read as zeros.
    if (random.next() < 0.3) content = applied(content, { bytes: Buffer.alloc(0), position: position + bytes.length })
    for (let from = 0; from < bytes.length;) {
      const to = Math.min(from + SECTOR - ((position + from) % SECTOR), bytes.length)
      if (random.next() < share)
        content = applied(content, { bytes: bytes.subarray(from, to), position: position + from })
      from = to
    }
  }
  return content
}

function setName(names: Map<string, Entry>, path: string, entry: Entry | undefined): void {
  if (entry === undefined) names.delete(path)
  else names.set(path, entry)
}

function parent(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/'
}

function missing(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: '${path}'`), { code })
}
