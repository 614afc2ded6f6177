import type { Request, Services } from './api.ts'
import { ERROR, storageRefusal } from './protocol-error.ts'
import type { ErrorCode } from './protocol-error.ts'
import type { Reader } from '../../wire/reader.ts'
import { absence, isInternal } from './topics.ts'
import type { Writer } from '../../wire/writer.ts'

/** Everything that is there. */
const HIGH_WATERMARK = -1

interface Wanted {
  readonly index: number
  readonly before: number
}

interface Deleted {
  readonly index: number
  readonly error: ErrorCode
  /** The first offset that is left. */
  readonly start: number
}

/** DeleteRecords (21), v0 to v2. The records are gone for good before the answer says so (KIP-107). */
export async function deleteRecords(services: Services, request: Request): Promise<Writer> {
  const { body, answer } = request
  const topics = body.array(readTopic)
  const results = await Promise.all(
    topics.map(async ({ name, partitions }) => {
      const deleted = await Promise.all(partitions.map((one) => remove(services, request, name, one)))
      return { name, deleted }
    }),
  )
  answer.int32(0) // throttle time
  answer.array(results, ({ name, deleted }) => {
    answer.string(name)
    answer.array(deleted, ({ index, error, start }) => {
      answer.int32(index)
      answer.int64(start)
      answer.int16(error)
      answer.tags()
    })
    answer.tags()
  })
  answer.tags()
  return answer
}

function readTopic(body: Reader): { name: string; partitions: Wanted[] } {
  const name = body.string()
  const partitions = body.array((reader) => {
    const wanted = { index: reader.int32(), before: reader.int64() }
    reader.tags()
    return wanted
  })
  body.tags()
  return { name, partitions }
}

async function remove(
  { storage }: Services,
  { peer }: Request,
  name: string,
  { index, before }: Wanted,
): Promise<Deleted> {
  const refused = (error: ErrorCode) => ({ index, error, start: -1 })
  if (!peer.session.principal.may('admin', 'topic', name)) return refused(ERROR.topicAuthorizationFailed)
  const partition = storage.partition(name, index)
  if (partition === undefined) return refused(absence(storage, name, index))
  const policy = storage.topic(name)!.configs['cleanup.policy'] ?? 'delete'
  if (isInternal(name) || !policy.includes('delete')) return refused(ERROR.policyViolation)
  try {
    const start = await partition.deleteRecords(before === HIGH_WATERMARK ? partition.durableOffset : before)
    return { index, error: ERROR.none, start }
  } catch (fault) {
    return refused(storageRefusal(fault).error)
  }
}
