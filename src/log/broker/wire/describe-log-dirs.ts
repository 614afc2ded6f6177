import type { Request, Services } from './api.ts'
import { ERROR } from './protocol-error.ts'
import type { Reader } from '../../wire/reader.ts'
import type { Writer } from '../../wire/writer.ts'

/** There is one. Its path is nobody's business. */
const LOG_DIR = 'data'
const UNKNOWN = -1

interface Wanted {
  readonly name: string
  readonly partitions: readonly number[]
}

/** DescribeLogDirs (35), v1 to v4: what each partition takes on the disk. */
export function describeLogDirs({ storage }: Services, { version, body, answer, peer }: Request): Writer {
  const asked = body.nullableArray(readWanted)
  const all = () => [...storage.topics().values()].map(({ name, partitions }) => ({ name, partitions: [...Array(partitions).keys()] })) // prettier-ignore
  const allowed = peer.session.principal.may('describe', 'cluster')
  answer.int32(0) // throttle time
  if (version >= 3) answer.int16(allowed ? ERROR.none : ERROR.clusterAuthorizationFailed)
  answer.array(allowed ? [asked ?? all()] : [], (topics) => {
    answer.int16(ERROR.none)
    answer.string(LOG_DIR)
    answer.array(topics, ({ name, partitions }) => {
      const there = partitions.flatMap((index) => {
        const partition = storage.partition(name, index)
        return partition === undefined ? [] : [{ index, bytes: partition.bytes }]
      })
      answer.string(name)
      answer.array(there, ({ index, bytes }) => {
        answer.int32(index)
        answer.int64(bytes)
        answer.int64(0) // lag
        answer.boolean(false) // will move here
        answer.tags()
      })
      answer.tags()
    })
    if (version >= 4) {
      answer.int64(UNKNOWN) // bytes of the disk, and those that are free
      answer.int64(UNKNOWN)
    }
    answer.tags()
  })
  answer.tags()
  return answer
}

function readWanted(body: Reader): Wanted {
  const wanted = { name: body.string(), partitions: body.array((reader) => reader.int32()) }
  body.tags()
  return wanted
}
