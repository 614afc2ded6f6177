import type { Request, Services } from './api.ts'
import type { Writer } from '../../wire/writer.ts'

/** DeleteGroups (42), v0 to v2. */
export async function deleteGroups({ groups }: Services, { body, answer }: Request): Promise<Writer> {
  const names = body.array((reader) => reader.string())
  const outcomes = await Promise.all(names.map(async (name) => ({ name, error: await groups.deleteGroup(name) })))
  answer.int32(0) // throttle time
  answer.array(outcomes, ({ name, error }) => {
    answer.string(name)
    answer.int16(error)
    answer.tags()
  })
  answer.tags()
  return answer
}
