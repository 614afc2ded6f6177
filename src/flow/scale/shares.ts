import type { GroupMember } from '../../log/groups.ts'
import { jsonBytes, jsonOf } from '../../system/json-bytes.ts'

/** What a hub tells the others when it joins them. */
export interface HubAbout {
  readonly hub: string
  /** Tells the runs of a hub apart. */
  readonly run: string
  /** Address of its page. */
  readonly page: string
  /** Wall time of its start, ms since the epoch. */
  readonly since: number
  /** Sources that it can run. */
  readonly can: readonly string[]
  /** Sources that it runs right now: nobody else may, before it has let go and joined again. */
  readonly holds: readonly string[]
  /** Other than before where it asks for another generation and nothing else is: a coordinator begins none for the same. */
  readonly asks?: number
}

/** What a hub is told by whoever leads: its own part, and who the others are. */
export interface HubShare {
  readonly sources: readonly string[]
  /** All members, in order of their names; the first looks after what the dead have left behind. */
  readonly members: readonly HubMember[]
}

export interface HubMember {
  readonly hub: string
  readonly run: string
  readonly page: string
  readonly since: number
  /** What it was given, with what it still has to let go. */
  readonly sources: readonly string[]
}

export function encodeAbout(about: HubAbout): Uint8Array {
  return jsonBytes(about)
}

/** What a hub was told; nothing where there is nothing to be read. */
export function decodeShare(assignment: Uint8Array): HubShare {
  return (jsonOf(assignment) as HubShare | undefined) ?? { sources: [], members: [] }
}

/**
 * Who runs which source, for `GroupOptions.assign`. Whoever runs a source keeps it, as long as no hub has two more than
 * another; a source that has to move is first taken away, and given only when its holder has joined without it.
 */
export function assignSources(members: readonly GroupMember[]): ReadonlyMap<string, Uint8Array> {
  const hubs = members
    .flatMap(({ id, about }) => {
      const hub = jsonOf(about) as HubAbout | undefined
      return hub === undefined ? [] : [{ id, ...hub }]
    })
    .sort((a, b) => (a.hub === b.hub ? (a.run < b.run ? -1 : 1) : a.hub < b.hub ? -1 : 1))
  const shares = shareOut(hubs)
  const shown = hubs.map(({ hub, run, page, since, holds }, index): HubMember => {
    return { hub, run, page, since, sources: [...new Set([...shares[index]!, ...holds])].sort() }
  })
  return new Map(
    hubs.map(({ id }, index) => {
      const share: HubShare = { sources: shares[index]!, members: shown }
      return [id, jsonBytes(share)]
    }),
  )
}

/** The sources of each hub, in the order of the hubs. The same hubs in the same order give the same shares. */
export function shareOut(hubs: readonly Pick<HubAbout, 'can' | 'holds'>[]): string[][] {
  const shares = hubs.map((): string[] => [])
  const sources = [...new Set(hubs.flatMap(({ can }) => can))].sort()
  const free: string[] = []
  for (const source of sources) {
    const holder = hubs.findIndex(({ holds }) => holds.includes(source))
    if (holder < 0) free.push(source)
    // One that a hub runs without being able to any more is given to nobody until it has let go.
    else if (hubs[holder]!.can.includes(source)) shares[holder]!.push(source)
  }
  for (const source of free) shares[least(hubs, shares, source)]!.push(source)
  level(hubs, shares, new Set(free))
  return shares
}

/** Takes sources away from hubs that have too many; those who will get them have not got them yet. */
function level(hubs: readonly Pick<HubAbout, 'can'>[], shares: string[][], free: ReadonlySet<string>): void {
  const promised = shares.map((share) => share.slice())
  for (const [giver, share] of promised.entries()) {
    for (const source of share.toReversed()) {
      const taker = least(hubs, promised, source)
      if (promised[giver]!.length - promised[taker]!.length < 2) continue
      promised[giver]!.splice(promised[giver]!.indexOf(source), 1)
      promised[taker]!.push(source)
      shares[giver]!.splice(shares[giver]!.indexOf(source), 1)
      if (free.has(source)) shares[taker]!.push(source)
    }
  }
}

/** Which of those that can run a source has the fewest. */
function least(hubs: readonly Pick<HubAbout, 'can'>[], shares: readonly (readonly string[])[], source: string): number {
  let best = -1
  for (const [index, { can }] of hubs.entries()) {
    if (can.includes(source) && (best < 0 || shares[index]!.length < shares[best]!.length)) best = index
  }
  return best
}
