import type { GroupDescription } from '../groups.ts'
import type { Position } from '../log.ts'
import { ANSWER_MS } from './cluster.ts'
import type { Cluster } from './cluster.ts'
import {
  GROUP_API,
  readDescribeGroups,
  readListGroups,
  readOffsetFetch,
  writeDescribeGroups,
  writeOffsetFetch,
} from './group-messages.ts'
import { brokerError, isRetriable } from './protocol-faults.ts'

/** A broker coordinates the groups that it lists; more than so many of them are not looked at. */
const GROUPS_AT_MOST = 1_000

/**
 * All groups of a cluster, from every broker that coordinates some.
 * @throws LogError `LOG_UNAVAILABLE`, `LOG_REFUSED`
 */
export async function listGroups(cluster: Cluster): Promise<GroupDescription[]> {
  // Which brokers there are may have changed.
  await cluster.describe([])
  const lists = await Promise.all(cluster.nodes.map((node) => groupsOf(cluster, node)))
  return lists.flat().sort((a, b) => (a.group < b.group ? -1 : 1))
}

async function groupsOf(cluster: Cluster, node: number): Promise<GroupDescription[]> {
  const connection = await cluster.node(node)
  const { error, groups } = readListGroups(await connection.request(GROUP_API.listGroups, ANSWER_MS, () => {}))
  if (error !== 0) throw brokerError('list groups', error)
  const wanted = groups.slice(0, GROUPS_AT_MOST)
  if (wanted.length === 0) return []
  const body = await connection.request(GROUP_API.describeGroups, ANSWER_MS, (to) => writeDescribeGroups(to, wanted))
  // A group that has just moved to another broker, or that we may not see, is no reason to show none.
  const described = readDescribeGroups(body).filter((one) => one.error === 0)
  return Promise.all(
    described.map(async ({ group, protocol, state, members }) => ({
      group,
      protocol,
      state,
      members,
      positions: await committed(cluster, node, group),
    })),
  )
}

async function committed(cluster: Cluster, node: number, group: string): Promise<readonly Position[]> {
  const connection = await cluster.node(node)
  const body = await connection.request(GROUP_API.offsetFetch, ANSWER_MS, (to) => writeOffsetFetch(to, group, null))
  const { error, positions } = readOffsetFetch(body)
  if (error !== 0 && isRetriable(error)) throw brokerError(`ask for the positions of group "${group}"`, error)
  return positions
}
