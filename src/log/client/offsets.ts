import { LogError } from '../log.ts'
import type { Position } from '../log.ts'
import { ANSWER_MS } from './cluster.ts'
import type { Cluster } from './cluster.ts'
import { API, byTopic, EARLIEST, LATEST, readListOffsets, writeListOffsets } from './messages.ts'
import type { PartitionOffset } from './messages.ts'
import { brokerError } from './protocol-faults.ts'

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

export interface Ends extends TopicPartition {
  readonly start: number
  readonly end: number
}

/**
 * First offset still there and next offset of partitions, from the brokers that lead them.
 * @throws LogError `LOG_UNAVAILABLE` where one of them cannot say; the next try may find another leader.
 */
export async function askEnds(cluster: Cluster, partitions: readonly TopicPartition[]): Promise<Ends[]> {
  const [starts, ends] = await Promise.all([ask(cluster, partitions, EARLIEST), ask(cluster, partitions, LATEST)])
  return partitions.map((one) => ({
    topic: one.topic,
    partition: one.partition,
    start: offsetOf(starts, one),
    end: offsetOf(ends, one),
  }))
}

/**
 * First offset at or after a time, in ms since the epoch; the end of a partition that has no record as late.
 * @throws LogError `LOG_UNAVAILABLE` as `askEnds`
 */
export async function askOffsetsAt(
  cluster: Cluster,
  partitions: readonly TopicPartition[],
  time: number,
): Promise<Position[]> {
  // The ends first: a record that comes between the two questions is not passed over.
  const ends = await ask(cluster, partitions, LATEST)
  const found = await ask(cluster, partitions, Math.max(0, Math.ceil(time)))
  return partitions.map(({ topic, partition }) => {
    const offset = offsetOf(found, { topic, partition })
    return { topic, partition, offset: offset < 0 ? offsetOf(ends, { topic, partition }) : offset }
  })
}

async function ask(cluster: Cluster, partitions: readonly TopicPartition[], which: number): Promise<PartitionOffset[]> {
  const byNode = new Map<number, TopicPartition[]>()
  for (const one of partitions) {
    const node = cluster.leader(one.topic, one.partition)
    if (node === undefined) throw leaderless(one)
    byNode.set(node, [...(byNode.get(node) ?? []), one])
  }
  const answers = await Promise.all([...byNode].map(([node, wanted]) => askNode(cluster, node, wanted, which)))
  return answers.flat()
}

async function askNode(
  cluster: Cluster,
  node: number,
  wanted: readonly TopicPartition[],
  which: number,
): Promise<PartitionOffset[]> {
  const connection = await cluster.node(node)
  const indexes = new Map([...byTopic(wanted)].map(([topic, list]) => [topic, list.map(({ partition }) => partition)]))
  const body = await connection.request(API.listOffsets, ANSWER_MS, (to) => writeListOffsets(to, indexes, which))
  return readListOffsets(body)
}

function offsetOf(answers: readonly PartitionOffset[], { topic, partition }: TopicPartition): number {
  const answer = answers.find((one) => one.topic === topic && one.partition === partition)
  if (answer?.error === 0) return answer.offset
  throw brokerError(`ask for the ends of "${topic}" partition ${partition}`, answer?.error ?? -1)
}

function leaderless({ topic, partition }: TopicPartition): LogError {
  const message = `Cannot ask for the ends of "${topic}" partition ${partition}: no broker leads it, want one`
  return new LogError('LOG_UNAVAILABLE', message, { retriable: true })
}
