import type { Topology } from '../../component/topology.ts'
import type { TopicSpec } from '../../log/log.ts'
import { topicSpec } from '../../log/topics.ts'
import { topicName } from '../../model/path.ts'
import type { FactTopic, OutputTopic } from './facts.ts'

/** The topics of a stage, by their full names. */
export interface StageTopics {
  /** What it reads, in the order in which equal times are taken. */
  readonly reads: ReadonlyMap<string, FactTopic>
  /** Its changelog. */
  readonly state: string
  /** Everything that it may write to, besides. */
  readonly outputs: readonly string[]
  readonly writes: (kind: OutputTopic) => string
}

/** Events first: an order that begins at the moment of a reading begins before it. */
const ORDER: readonly FactTopic[] = ['events', 'keyed', 'telemetry', 'derived', 'alarms']

export function stageTopics(site: string, topology: Topology, index: number): StageTopics {
  const stage = topology.stages[index]!
  const kinds = ORDER.filter((kind) => stage.from.some(({ topic }) => topic === kind))
  const keyed = (of: number) => topicName(site, kindOf('keyed', topology, of))
  const isLast = index === topology.stages.length - 1
  const writes: StageTopics['writes'] = (kind) => {
    if (kind === 'product') return productTopic(site, topology)
    return kind === 'keyed' ? keyed(index + 1) : topicName(site, kind)
  }
  const own = [...(isLast ? [] : (['keyed'] as const)), ...(topology.product ? (['product'] as const) : [])]
  return {
    reads: new Map(kinds.map((kind) => [kind === 'keyed' ? keyed(index) : topicName(site, kind), kind])),
    state: topicName(site, kindOf('state', topology, index)),
    outputs: [...(['derived', 'events', 'alarms'] as const), ...own].map(writes),
    writes,
  }
}

/**
 * What a topology needs in the log besides the topics of the plant: changelogs, what goes from stage to stage, and what it
 * makes for others.
 */
export function ownTopics(site: string, topology: Topology, partitions: number): TopicSpec[] {
  const { product } = topology
  const own = product && {
    ...topicSpec(site, 'product', partitions),
    name: productTopic(site, topology),
    retention: { ms: product.keepMs },
  }
  return [...stagesTopics(site, topology, partitions), ...(own ? [own] : [])]
}

function productTopic(site: string, { name }: Topology): string {
  return topicName(site, `product-${name}`)
}

function stagesTopics(site: string, topology: Topology, partitions: number): TopicSpec[] {
  return topology.stages.flatMap((_, index) => {
    const state = { ...topicSpec(site, 'state', partitions), name: topicName(site, kindOf('state', topology, index)) }
    if (index === 0) return [state]
    return [state, { ...topicSpec(site, 'keyed', partitions), name: topicName(site, kindOf('keyed', topology, index)) }]
  })
}

function kindOf(kind: 'state' | 'keyed', topology: Topology, index: number): string {
  return index === 0 ? `${kind}-${topology.name}` : `${kind}-${topology.name}.${topology.stages[index]!.name}`
}
