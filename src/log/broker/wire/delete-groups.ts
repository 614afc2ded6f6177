import type { Request, Services } from './api.ts'
import { ERROR } from './protocol-error.ts'
import type { Writer } from '../../wire/writer.ts'

/** DeleteGroups (42), v0 to v2. */
export async function deleteGroups({ groups }: Services, { body, answer, peer }: Request): Promise<Writer> {
  const names = body.array((reader) => reader.string())
  const outcomes = await Promise.all(
    names.map(async (name) => {
      const allowed = peer.session.principal.may('admin', 'group', name)
      return { name, error: allowed ? await groups.deleteGroup(name) : ERROR.groupAuthorizationFailed }
    }),
  )
  answer.int32(0) // throttle time
  answer.array(outcomes, ({ name, error }) => {
    answer.string(name)
    answer.int16(error)
    answer.tags()
  })
  answer.tags()
  return answer
}
