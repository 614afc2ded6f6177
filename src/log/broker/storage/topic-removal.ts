import type { Disk } from '../../../system/disk.ts'
import type { StoredTopic } from './storage.ts'
import { groupByTopic, partitionDirectory, readCopy } from './topic-files.ts'

/**
 * How a topic goes: an empty file whose *name* says which topic (`deleted.<id>`) is the moment it is gone; then its
 * directories get names of their own (`<id>-<partition>.deleted`), each at once and whole, so that none is ever found
 * half empty under its old name; then they are removed. Whatever a crash leaves of this the next start finishes.
 */
export async function markDeleted(disk: Disk, root: string, { id }: StoredTopic): Promise<void> {
  const path = marker(root, id)
  try {
    const file = await disk.open(path, 'append')
    await file.close()
    await disk.syncDirectory(root)
  } catch (error) {
    await disk.remove(path).catch(() => undefined)
    throw error
  }
}

/** Removes the directories of a topic that has been marked. May be called again after a failure. */
export async function removeMarked(disk: Disk, root: string, topic: StoredTopic): Promise<void> {
  const { name, partitions } = topic
  const all = Array.from({ length: partitions }, (_, partition) => ({ name, partition }))
  await renameAll(disk, root, topic.id, all)
  await removeRenamed(disk, root)
}

/** Finishes the deletions that a crash interrupted. */
export async function finishDeletions(disk: Disk, root: string): Promise<void> {
  const names = await disk.list(root)
  const ids = names.flatMap((name) => /^deleted\.([0-9a-f]{32})$/.exec(name)?.[1] ?? [])
  for (const id of ids) {
    const marked: { name: string; partition: number }[] = []
    for (const [name, partitions] of groupByTopic(names)) {
      for (const partition of partitions) {
        const copy = await readCopy(disk, partitionDirectory(root, name, partition), name)
        if (copy !== undefined && hex(copy.id) === id) marked.push({ name, partition })
      }
    }
    await renameAll(disk, root, Buffer.from(id, 'hex'), marked)
  }
  await removeRenamed(disk, root)
}

async function renameAll(
  disk: Disk,
  root: string,
  id: Uint8Array,
  directories: readonly { readonly name: string; readonly partition: number }[],
): Promise<void> {
  for (const { name, partition } of directories) {
    const from = partitionDirectory(root, name, partition)
    if (await disk.exists(from)) await disk.rename(from, `${root}/${hex(id)}-${partition}.deleted`)
  }
  await disk.syncDirectory(root)
  await disk.remove(marker(root, id))
}

async function removeRenamed(disk: Disk, root: string): Promise<void> {
  for (const name of await disk.list(root)) {
    if (/^[0-9a-f]{32}-\d+\.deleted$/.test(name)) await disk.remove(`${root}/${name}`)
  }
}

function marker(root: string, id: Uint8Array): string {
  return `${root}/deleted.${hex(id)}`
}

function hex(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('hex')
}
