import type { CommandTarget } from '../component/source.ts'
import type { CommandDefinition } from '../model/command.ts'
import type { Known, Situation, WritePoint } from './decide.ts'
import type { Commands } from './commands.ts'
import type { Person } from './person.ts'
import type { Tracked } from './tracked.ts'

/** What the rest of the hub knows of the machines; cheap, and asked at the moment of each decision. */
export interface Machines {
  /** The write point of an asset's model; undefined: there is none of this name. */
  point(asset: string, command: string): WritePoint | undefined
  /** All write points of an asset's model. */
  points(asset: string): readonly CommandDefinition[]
  /** The tag as its twin has it. */
  known(asset: string, tag: string): Known | undefined
  /** The source of this hub that carries it to the machine; undefined: none that runs here. */
  reaching(asset: string, target: CommandTarget): string | undefined
  /** Whether other hubs may have sources that this one has not. */
  readonly isShared: boolean
}

/** Everything that a decision about an asset looks at. */
export function situationOf(
  asset: string,
  command: string,
  parts: {
    readonly site: string
    readonly person: Person
    readonly machines: Machines
    readonly earlier: readonly Tracked[]
    readonly now: number
  },
): Situation {
  const { site, person, machines, earlier, now } = parts
  const point = machines.point(asset, command)
  const here = point && machines.reaching(asset, targetOf(point.definition)) !== undefined
  const reachable = here === true ? true : machines.isShared ? undefined : false
  return { site, person, point, known: (tag) => machines.known(asset, tag), earlier, reachable, now }
}

function targetOf({ tag, method }: CommandDefinition): CommandTarget {
  return method === undefined ? { kind: 'tag', tag: tag! } : { kind: 'method', method: method.name }
}

/** Waits until the view has taken what was appended; answers whether it has before the deadline, in monotonic ms. */
export async function seen(
  commands: Commands,
  topic: string,
  appended: readonly { readonly partition: number; readonly nextOffset: number }[],
  clock: { monotonic(): number; sleep(ms: number): Promise<void> },
  deadline: number,
): Promise<boolean> {
  const isSeen = () => appended.every(({ partition, nextOffset }) => commands.hasTaken(topic, partition, nextOffset))
  while (!isSeen()) {
    if (clock.monotonic() >= deadline) return false
    await clock.sleep(SEEN_EVERY_MS)
  }
  return true
}

const SEEN_EVERY_MS = 2
