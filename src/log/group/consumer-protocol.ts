import type { GroupMember, PartitionRef } from '../groups.ts'
import { assignRange, assignSticky, assignTogether } from './assignors.ts'
import type { Assignment, Subscriber } from './assignors.ts'
import type { GroupProtocol } from './membership.ts'
import { decodeSubscription, encodeAssignment, encodeSubscription } from './subscription.ts'
import type { Subscription } from './subscription.ts'

/** The protocol type of all who share partitions. */
export const CONSUMER = 'consumer'
/** The protocol in which everything is let go before every join. */
export const EAGER = 'range'

/**
 * What this consumer can do, by preference: `cooperative-sticky`, and `range` where a member of the group has no other.
 * Where partitions go together it can do nothing else: what another assignor gives would tear them apart.
 * @param about what it wants and has, now
 * @param countOf how many partitions the topics have that exist
 */
export function consumerProtocols(
  about: () => Subscription,
  countOf: (topics: readonly string[]) => Promise<ReadonlyMap<string, number>>,
  together = false,
): GroupProtocol[] {
  const protocol = (
    name: string,
    share: (members: readonly Subscriber[], counts: ReadonlyMap<string, number>) => Assignment,
  ): GroupProtocol => ({
    name,
    about: () => encodeSubscription(about()),
    async assign(members) {
      const subscribers = members.map(subscriber)
      const counts = await countOf([...new Set(subscribers.flatMap(({ topics }) => topics))])
      const encode = ([id, partitions]: [string, PartitionRef[]]) => [id, encodeAssignment(partitions)] as const
      return new Map([...share(subscribers, counts)].map(encode))
    },
  })
  if (together) return [protocol('cooperative-together', assignTogether)]
  return [protocol('cooperative-sticky', assignSticky), protocol(EAGER, assignRange)]
}

function subscriber({ id, instanceId, about }: GroupMember): Subscriber {
  return { id, ...(instanceId !== undefined && { instanceId }), ...decodeSubscription(about) }
}
