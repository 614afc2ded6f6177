import type { Request, Services } from './api.ts'
import type { Writer } from '../../wire/writer.ts'

/** Heartbeat (12), v0 to v4. */
export function heartbeat({ groups }: Services, { version, body, answer }: Request): Writer {
  const group = body.string()
  const generation = body.int32()
  const memberId = body.string()
  const instanceId = version >= 3 ? body.nullableString() : null
  const error = groups.heartbeat(group, { generation, memberId, instanceId })
  if (version >= 1) answer.int32(0) // throttle time
  answer.int16(error)
  answer.tags()
  return answer
}
