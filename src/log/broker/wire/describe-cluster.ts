import { CLUSTER_ID, NODE_ID, OPERATIONS_UNKNOWN } from './api.ts'
import type { Request, Services } from './api.ts'
import { ERROR } from './protocol-error.ts'
import type { Writer } from '../../wire/writer.ts'

/** Kinds of endpoints that may be asked for: brokers, controllers. */
const BROKERS = 1

/** DescribeCluster (60), v0 to v2: the one node. */
export function describeCluster(_: Services, { version, body, answer, peer }: Request): Writer {
  body.boolean() // whether to tell which operations are allowed: that is not told here
  const kind = version >= 1 ? body.int8() : BROKERS
  const refused = kind !== BROKERS
  answer.int32(0) // throttle time
  answer.int16(refused ? ERROR.mismatchedEndpointType : ERROR.none)
  answer.message(refused ? 'Cannot describe controllers: this is a single node, ask it for brokers' : null)
  if (version >= 1) answer.int8(BROKERS)
  answer.string(CLUSTER_ID)
  answer.int32(NODE_ID) // controller
  answer.array(refused ? [] : [peer.broker], ({ host, port }) => {
    answer.int32(NODE_ID)
    answer.string(host)
    answer.int32(port)
    answer.string(null) // rack
    if (version >= 2) answer.boolean(false) // fenced
    answer.tags()
  })
  answer.int32(OPERATIONS_UNKNOWN)
  answer.tags()
  return answer
}
