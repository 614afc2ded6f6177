/**
 * The disk, as an argument: what the log and the views need of a file system, and no more. Every call may fail with
 * a Node system error (`code`: ENOSPC, EIO, EROFS, EMFILE ...). A failed `datasync` means that what was written since
 * the last good one may be gone even if a later call succeeds: never retry it, verify from disk.
 */
export interface Disk {
  /** `read`: must exist. `append`: read and write, created where missing; the caller syncs the directory. */
  open(path: string, mode: 'read' | 'append'): Promise<DiskFile>
  /** Names in a directory, sorted; empty where it does not exist. */
  list(directory: string): Promise<string[]>
  /** Creates a directory and its parents. */
  makeDirectory(directory: string): Promise<void>
  readFile(path: string): Promise<Uint8Array>
  rename(from: string, to: string): Promise<void>
  /** Removes a file or a whole directory; fine where it is not there. */
  remove(path: string): Promise<void>
  /** Makes creations, renames and removals in a directory durable. */
  syncDirectory(directory: string): Promise<void>
  exists(path: string): Promise<boolean>
  /** Bytes free for us on the file system that holds `path`. */
  free(path: string): Promise<number>
}

export interface DiskFile {
  readonly path: string
  size(): Promise<number>
  /** Writes all of it at `position`, or rejects. */
  write(data: readonly Uint8Array[], position: number): Promise<void>
  /** Reads up to `into.length` bytes; answers how many there were. */
  read(into: Uint8Array, position: number): Promise<number>
  /** The same without a hop through the thread pool: 2 us against 69 us on a tail that the page cache holds. */
  readSync(into: Uint8Array, position: number): number
  /** fdatasync. */
  datasync(): Promise<void>
  truncate(size: number): Promise<void>
  close(): Promise<void>
}

/** Writes a whole file so that after any crash either the old or the new content is there: stage, sync, rename, sync. */
export async function replaceFile(
  disk: Disk,
  path: string,
  content: Uint8Array | readonly Uint8Array[],
): Promise<void> {
  const staged = `${path}.tmp`
  await disk.remove(staged)
  const file = await disk.open(staged, 'append')
  try {
    await file.write(content instanceof Uint8Array ? [content] : content, 0)
    await file.datasync()
  } finally {
    await file.close()
  }
  await disk.rename(staged, path)
  await disk.syncDirectory(path.slice(0, path.lastIndexOf('/')) || '/')
}
