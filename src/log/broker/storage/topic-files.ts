import { createHash } from 'node:crypto'
import type { Clock } from '../../../system/clock.ts'
import { replaceFile } from '../../../system/disk.ts'
import type { Disk } from '../../../system/disk.ts'
import { decodeChecked, encodeChecked } from './checked-json.ts'
import type { Damage, StoredTopic, StoredTopicOptions } from './storage.ts'

/** In the directory of every partition: one of them left is enough. */
const TOPIC_FILE = 'topic.json'

/** A topic as its files describe it. */
export interface DescribedTopic extends StoredTopic {
  /** Counts the changes: of copies that differ, because a crash came between them, the highest is right. */
  readonly version: number
}

/** Where a partition lies: as in Kafka's data directory. */
export function partitionDirectory(root: string, topic: string, partition: number): string {
  return `${root}/${topic}-${partition}`
}

/**
 * Makes a topic's directories, then the files that say so. Durable when it resolves; a crash before that leaves
 * either a whole topic or empty directories, which the next start removes.
 */
export async function writeTopic(
  disk: Disk,
  clock: Clock,
  root: string,
  name: string,
  options: StoredTopicOptions,
): Promise<DescribedTopic> {
  const topic = { name, ...options, id: topicId(name, clock), version: 1 }
  await writeCopies(disk, root, topic, 0)
  return topic
}

/**
 * Writes what has changed of a topic: its configs, or that it has more partitions. Durable when it resolves; a crash
 * before that leaves the old description or the new one.
 */
export async function rewriteTopic(
  disk: Disk,
  root: string,
  topic: DescribedTopic,
  change: Partial<StoredTopicOptions>,
): Promise<DescribedTopic> {
  const changed = { ...topic, ...change, version: topic.version + 1 }
  // New partitions get theirs first: as long as an old copy is there, a missing one is known not to be damage.
  await writeCopies(disk, root, changed, topic.partitions)
  return changed
}

async function writeCopies(disk: Disk, root: string, topic: DescribedTopic, from: number): Promise<void> {
  const { name, partitions } = topic
  const directories = Array.from({ length: partitions }, (_, i) => partitionDirectory(root, name, i))
  for (const directory of directories.slice(from)) await disk.makeDirectory(directory)
  if (from < partitions) await disk.syncDirectory(root)
  for (const directory of directories.slice(from)) await writeCopy(disk, directory, topic)
  for (const directory of directories.slice(0, from)) await writeCopy(disk, directory, topic)
}

/** 16 bytes that no other topic, nor an earlier one of this name, has. */
function topicId(name: string, clock: Clock): Uint8Array {
  return createHash('sha256').update(`${clock.now()} ${name}`).digest().subarray(0, 16)
}

async function writeCopy(disk: Disk, directory: string, topic: DescribedTopic): Promise<void> {
  const { name, partitions, configs, id, version } = topic
  const content = { name, partitions, configs, id: Buffer.from(id).toString('hex'), version }
  await replaceFile(disk, `${directory}/${TOPIC_FILE}`, encodeChecked(content))
}

/** The topics of a data directory. Copies of a description that are damaged or gone are written again, and told. */
export async function readTopics(
  disk: Disk,
  clock: Clock,
  root: string,
  tell: (damage: Damage) => void,
): Promise<DescribedTopic[]> {
  const topics: DescribedTopic[] = []
  for (const [name, partitions] of groupByTopic(await disk.list(root))) {
    const topic = await readTopic(disk, clock, root, name, partitions, tell)
    if (topic !== undefined) topics.push(topic)
  }
  return topics
}

/** `a-0`, `a-1`, `b-0` -> `a: [0, 1]`, `b: [0]`. */
export function groupByTopic(names: readonly string[]): Map<string, number[]> {
  const topics = new Map<string, number[]>()
  for (const name of names) {
    const match = /^([A-Za-z0-9._-]{1,249})-(0|[1-9]\d{0,4})$/.exec(name)
    if (match === null) continue
    const partitions = topics.get(match[1]!) ?? []
    topics.set(match[1]!, [...partitions, Number(match[2])])
  }
  return topics
}

async function readTopic(
  disk: Disk,
  clock: Clock,
  root: string,
  name: string,
  found: readonly number[],
  tell: (damage: Damage) => void,
): Promise<DescribedTopic | undefined> {
  const copies = new Map<number, DescribedTopic | undefined>()
  for (const one of found) copies.set(one, await readCopy(disk, partitionDirectory(root, name, one), name))
  const known = newest([...copies.values()])
  if (known === undefined && !(await hasRecords(disk, root, name, found))) {
    // What a crash leaves of a topic that was being made.
    await removePartitions(disk, root, name, found)
    return undefined
  }
  const topic = known ?? { name, id: topicId(name, clock), partitions: Math.max(...found) + 1, configs: {}, version: 1 }
  // What a crash leaves of partitions that were being added.
  const surplus = found.filter((one) => one >= topic.partitions)
  if (!(await hasRecords(disk, root, name, surplus))) await removePartitions(disk, root, name, surplus)
  await mendCopies(disk, root, topic, copies, (lost) => {
    const reason = `${lost.reason}, it is made again${known ? '' : ' without configs'}`
    const file = `${partitionDirectory(root, name, lost.partition)}/${TOPIC_FILE}`
    tell({ topic: name, partition: lost.partition, file, position: 0, bytes: 0, reason })
  })
  return topic
}

function newest(copies: readonly (DescribedTopic | undefined)[]): DescribedTopic | undefined {
  return copies.reduce((best, copy) => (copy && (!best || copy.version > best.version) ? copy : best), undefined)
}

interface LostCopy {
  readonly partition: number
  readonly reason: string
}

/** Makes all copies the same again. */
async function mendCopies(
  disk: Disk,
  root: string,
  topic: DescribedTopic,
  copies: ReadonlyMap<number, DescribedTopic | undefined>,
  tell: (lost: LostCopy) => void,
): Promise<void> {
  const older = [...copies.values()].find((copy) => copy !== undefined && copy.version < topic.version)
  for (let partition = 0; partition < topic.partitions; partition++) {
    const copy = copies.get(partition)
    if (copy?.version === topic.version) continue
    const lost = copies.has(partition)
      ? 'description of the topic is damaged or missing'
      : 'directory of the partition is missing'
    const unfinished = copy !== undefined || partition >= (older?.partitions ?? Infinity)
    if (!unfinished) tell({ partition, reason: lost })
    const directory = partitionDirectory(root, topic.name, partition)
    await disk.makeDirectory(directory)
    await writeCopy(disk, directory, topic)
  }
}

async function removePartitions(disk: Disk, root: string, name: string, partitions: readonly number[]): Promise<void> {
  for (const partition of partitions) await disk.remove(partitionDirectory(root, name, partition))
}

/** What the copy in one directory says; undefined where there is none that can be read. */
export async function readCopy(disk: Disk, directory: string, name: string): Promise<DescribedTopic | undefined> {
  try {
    const content = decodeChecked(await disk.readFile(`${directory}/${TOPIC_FILE}`)) as StoredCopy | undefined
    if (content === undefined || content.name !== name) return undefined
    // Copies from before topics could change have no version.
    return { version: 1, ...content, id: Buffer.from(content.id, 'hex') }
  } catch {
    return undefined
  }
}

type StoredCopy = Omit<DescribedTopic, 'id' | 'version'> & { readonly id: string; readonly version?: number }

async function hasRecords(disk: Disk, root: string, name: string, partitions: readonly number[]): Promise<boolean> {
  for (const partition of partitions) {
    const names = await disk.list(partitionDirectory(root, name, partition)).catch(() => [])
    if (names.some((name) => /^\d{20}(-\d{20})?\.(log|index|swap)$/.test(name))) return true
  }
  return false
}
