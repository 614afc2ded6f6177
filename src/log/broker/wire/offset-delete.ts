import type { Request, Services } from './api.ts'
import { ERROR } from './protocol-error.ts'
import type { Writer } from '../../wire/writer.ts'

/** OffsetDelete (47), v0 (KIP-496). */
export async function offsetDelete({ groups }: Services, { body, answer, peer }: Request): Promise<Writer> {
  const group = body.string()
  const topics = body.array((reader) => {
    const name = reader.string()
    return { name, partitions: reader.array((inner) => inner.int32()) }
  })
  const keys = topics.flatMap(({ name, partitions }) => partitions.map((partition) => ({ topic: name, partition })))
  const allowed = peer.session.principal.may('admin', 'group', group)
  const [error, ...outcomes] = allowed ? await groups.deleteOffsets(group, keys) : [ERROR.groupAuthorizationFailed]
  let next = 0
  answer.int16(error)
  answer.int32(0) // throttle time
  answer.array(error === ERROR.none ? topics : [], ({ name, partitions }) => {
    answer.string(name)
    answer.array(partitions, (partition) => {
      answer.int32(partition)
      answer.int16(outcomes[next++]!)
    })
  })
  return answer
}
