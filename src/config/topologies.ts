import type { Intake, Stage, Topology } from '../component/topology.ts'
import type { Json } from '../model/json-value.ts'

/** A topology as text for people; golden in the tests. */
export function topologyText(topology: Topology): string {
  return [topology.name, ...topology.stages.flatMap(stageLines)].join('\n')
}

function stageLines({ name, from, order, steps }: Stage): string[] {
  return [
    `  ${name}: from ${from.map(intakeText).join(' and ')}${order === undefined ? '' : `, ${order}`}`,
    ...steps.map((step) => {
      const own = step.name === step.does ? '' : ` "${step.name}"`
      return `    ${step.does}${own} ${JSON.stringify(step.with)}`
    }),
  ]
}

function intakeText({ topic, on, of }: Intake): string {
  const by = of === undefined ? '' : ` of ${of.join(', ')}`
  return on === undefined ? `${topic}${by}` : `${topic}${by} on ${on.join(', ')}`
}

/** What differs between two sets of topologies, a line each: `+` only in the new ones, `-` only in the old ones, `~` changed. */
export function diffTopologies(before: readonly Topology[], after: readonly Topology[]): string[] {
  const old = flatten(before)
  const now = flatten(after)
  const names = [...new Set([...old.keys(), ...now.keys()])].sort()
  return names.flatMap((name) => {
    const [one, other] = [old.get(name), now.get(name)]
    if (one === other) return []
    if (one === undefined) return [`+ ${name}: ${other}`]
    return [other === undefined ? `- ${name}: ${one}` : `~ ${name}: ${one} -> ${other}`]
  })
}

/** Everything that a topology says, by where it says it: `overheating.watch.condition.when`. */
function flatten(topologies: readonly Topology[]): Map<string, string> {
  const all = new Map<string, string>()
  for (const { name, stages } of topologies) {
    for (const stage of stages) {
      const place = `${name}.${stage.name}`
      all.set(`${place}.from`, stage.from.map(intakeText).join(' and '))
      if (stage.order !== undefined) all.set(`${place}.order`, stage.order)
      all.set(`${place}.steps`, stage.steps.map((step) => step.name).join(', '))
      for (const step of stage.steps) addLeaves(`${place}.${step.name}`, step.with, all)
    }
  }
  return all
}

function addLeaves(place: string, json: Json, all: Map<string, string>): void {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    all.set(place, JSON.stringify(json))
    return
  }
  for (const [name, value] of Object.entries(json as { [name: string]: Json }))
    addLeaves(`${place}.${name}`, value, all)
}

/** What is wrong with a processor's topology, or with it among the others. */
export interface TopologyFault {
  readonly processor: string
  readonly message: string
}

/** What does not fit together in topologies, each by itself and all of them; nothing where they can run. */
export function topologyFaults(topologies: readonly Topology[]): TopologyFault[] {
  const names = new Set(topologies.map(({ name }) => name))
  return topologies.flatMap((topology) => {
    const messages = [...ownFaults(topology), ...strangers(topology, names), ...circles(topology, topologies)]
    return messages.map((message) => ({ processor: topology.name, message }))
  })
}

function ownFaults({ name, stages }: Topology): string[] {
  const faults = stages.flatMap(({ name: stage, from, steps }, index) => {
    const isKeyed = from.some(({ topic }) => topic === 'keyed')
    const steady = new Set(steps.map((step) => step.name)).size === steps.length
    return [
      ...(steps.length === 0 ? [`stage "${stage}" has no steps, want at least one`] : []),
      ...(from.length === 0 ? [`stage "${stage}" takes nothing, want at least one topic`] : []),
      ...(steady ? [] : [`stage "${stage}" has two steps of one name, want names of their own`]),
      ...(index === 0 && isKeyed ? [`stage "${stage}" takes keyed facts, want a stage before it`] : []),
      ...(index > 0 && !isKeyed ? [`stage "${stage}" takes no keyed facts, want those of the stage before it`] : []),
    ]
  })
  return faults.map((fault) => `Cannot run processor "${name}": ${fault}`)
}

function strangers({ name, stages }: Topology, names: ReadonlySet<string>): string[] {
  const named = stages.flatMap(({ from }) => from.flatMap(({ of = [] }) => of))
  return [...new Set(named)]
    .filter((other) => !names.has(other))
    .map((other) => `Cannot run processor "${name}": it takes what "${other}" derives, want a processor of that name`)
}

/** Processors that feed each other would go round for ever. */
function circles({ name }: Topology, topologies: readonly Topology[]): string[] {
  const reached = new Set<string>()
  const toVisit = feeders(name, topologies)
  for (let next = toVisit.pop(); next !== undefined; next = toVisit.pop()) {
    if (next === name) {
      return [`Cannot run processor "${name}": it takes what it leads to, want no circle of "of"`]
    }
    if (reached.has(next)) continue
    reached.add(next)
    toVisit.push(...feeders(next, topologies))
  }
  return []
}

/** The processors whose derived facts one takes by name. */
function feeders(name: string, topologies: readonly Topology[]): string[] {
  const topology = topologies.find((one) => one.name === name)
  return topology?.stages.flatMap(({ from }) => from.flatMap(({ of = [] }) => of)) ?? []
}
