import type { Topology } from '../../component/topology.ts'
import type { TopicSpec } from '../../log/log.ts'
import { topicSpec } from '../../log/topics.ts'
import { topicName } from '../../model/path.ts'
import type { FactTopic } from './facts.ts'

/** The topics of a stage, by their full names. */
export interface StageTopics {
  /** What it reads, in the order in which equal times are taken. */
  readonly reads: ReadonlyMap<string, FactTopic>
  /** Its changelog. */
  readonly state: string
  /** Everything that it may write to, besides. */
  readonly outputs: readonly string[]
  readonly writes: (kind: Exclude<FactTopic, 'telemetry'>) => string
}

/** Events first: an order that begins at the moment of a reading begins before it. */
const ORDER: readonly FactTopic[] = ['events', 'keyed', 'telemetry', 'derived', 'alarms']

export function stageTopics(site: string, topology: Topology, index: number): StageTopics {
  const stage = topology.stages[index]!
  const kinds = ORDER.filter((kind) => stage.from.some(({ topic }) => topic === kind))
  const keyed = (of: number) => topicName(site, kindOf('keyed', topology, of))
  const isLast = index === topology.stages.length - 1
  const writes: StageTopics['writes'] = (kind) => (kind === 'keyed' ? keyed(index + 1) : topicName(site, kind))
  return {
    reads: new Map(kinds.map((kind) => [kind === 'keyed' ? keyed(index) : topicName(site, kind), kind])),
    state: topicName(site, kindOf('state', topology, index)),
    outputs: (['derived', 'events', 'alarms', ...(isLast ? [] : (['keyed'] as const))] as const).map(writes),
    writes,
  }
}

/** What a topology needs in the log besides the topics of the plant: changelogs, and what goes from stage to stage. */
export function ownTopics(site: string, topology: Topology, partitions: number): TopicSpec[] {
  return topology.stages.flatMap((_, index) => {
    const state = { ...topicSpec(site, 'state', partitions), name: topicName(site, kindOf('state', topology, index)) }
    if (index === 0) return [state]
    return [state, { ...topicSpec(site, 'keyed', partitions), name: topicName(site, kindOf('keyed', topology, index)) }]
  })
}

function kindOf(kind: 'state' | 'keyed', topology: Topology, index: number): string {
  return index === 0 ? `${kind}-${topology.name}` : `${kind}-${topology.name}.${topology.stages[index]!.name}`
}
