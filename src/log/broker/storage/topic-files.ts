import { createHash } from 'node:crypto'
import type { Clock } from '../../../system/clock.ts'
import { replaceFile } from '../../../system/disk.ts'
import type { Disk } from '../../../system/disk.ts'
import { decodeChecked, encodeChecked } from './checked-json.ts'
import type { Damage, StoredTopic, StoredTopicOptions } from './storage.ts'

/** In the directory of every partition: one of them left is enough. */
const TOPIC_FILE = 'topic.json'

/** Where a partition lies: as in Kafka's data directory. */
export function partitionDirectory(root: string, topic: string, partition: number): string {
  return `${root}/${topic}-${partition}`
}

/**
 * Makes a topic's directories, then the files that say so. Durable when it resolves; a crash before that leaves
 * either a whole topic or empty directories, which the next start removes.
 */
export async function writeTopic(disk: Disk, clock: Clock, root: string, name: string, options: StoredTopicOptions) {
  const topic: StoredTopic = { name, ...options, id: topicId(name, clock) }
  const directories = Array.from({ length: options.partitions }, (_, i) => partitionDirectory(root, name, i))
  for (const directory of directories) await disk.makeDirectory(directory)
  await disk.syncDirectory(root)
  for (const directory of directories) await writeCopy(disk, directory, topic)
  return topic
}

/** 16 bytes that no other topic, nor an earlier one of this name, has. */
function topicId(name: string, clock: Clock): Uint8Array {
  return createHash('sha256').update(`${clock.now()} ${name}`).digest().subarray(0, 16)
}

async function writeCopy(disk: Disk, directory: string, { name, partitions, configs, id }: StoredTopic): Promise<void> {
  const content = { name, partitions, configs, id: Buffer.from(id).toString('hex') }
  await replaceFile(disk, `${directory}/${TOPIC_FILE}`, encodeChecked(content))
}

/** The topics of a data directory. Copies of a description that are damaged or gone are written again, and told. */
export async function readTopics(
  disk: Disk,
  clock: Clock,
  root: string,
  tell: (damage: Damage) => void,
): Promise<StoredTopic[]> {
  const topics: StoredTopic[] = []
  for (const [name, partitions] of groupByTopic(await disk.list(root))) {
    const topic = await readTopic(disk, clock, root, name, partitions, tell)
    if (topic !== undefined) topics.push(topic)
  }
  return topics
}

/** `a-0`, `a-1`, `b-0` -> `a: [0, 1]`, `b: [0]`. */
function groupByTopic(names: readonly string[]): Map<string, number[]> {
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
  partitions: readonly number[],
  tell: (damage: Damage) => void,
): Promise<StoredTopic | undefined> {
  const copies = await Promise.all(partitions.map((p) => readCopy(disk, partitionDirectory(root, name, p), name)))
  const known = copies.find((copy) => copy !== undefined)
  if (known === undefined && !(await hasRecords(disk, root, name, partitions))) {
    // What a crash leaves of a topic that was being made.
    for (const partition of partitions) await disk.remove(partitionDirectory(root, name, partition))
    return undefined
  }
  const topic = known ?? { name, id: topicId(name, clock), partitions: Math.max(...partitions) + 1, configs: {} }
  for (let partition = 0; partition < topic.partitions; partition++) {
    const at = partitions.indexOf(partition)
    if (at >= 0 && copies[at] !== undefined) continue
    const directory = partitionDirectory(root, name, partition)
    const lost = at < 0 ? 'directory of the partition is missing' : 'description of the topic is damaged or missing'
    const reason = `${lost}, it is made again${known ? '' : ' without configs'}`
    tell({ topic: name, partition, file: `${directory}/${TOPIC_FILE}`, position: 0, bytes: 0, reason })
    await disk.makeDirectory(directory)
    await writeCopy(disk, directory, topic)
  }
  return topic
}

async function readCopy(disk: Disk, directory: string, name: string): Promise<StoredTopic | undefined> {
  try {
    const content = decodeChecked(await disk.readFile(`${directory}/${TOPIC_FILE}`)) as StoredCopy | undefined
    if (content === undefined || content.name !== name) return undefined
    return { ...content, id: Buffer.from(content.id, 'hex') }
  } catch {
    return undefined
  }
}

type StoredCopy = Omit<StoredTopic, 'id'> & { readonly id: string }

async function hasRecords(disk: Disk, root: string, name: string, partitions: readonly number[]): Promise<boolean> {
  for (const partition of partitions) {
    const names = await disk.list(partitionDirectory(root, name, partition)).catch(() => [])
    if (names.some((name) => /^\d{20}\.(log|index)$/.test(name))) return true
  }
  return false
}
