import type { Request, Services } from './api.ts'
import { ERROR } from './protocol-error.ts'
import type { Writer } from '../../wire/writer.ts'

/** DescribeAcls (29), v1 to v3: there are none here. Who may do what is said where the hub is configured. */
export function describeAcls(_: Services, { answer }: Request): Writer {
  answer.int32(0) // throttle time
  answer.int16(ERROR.securityDisabled)
  answer.message('Cannot describe ACLs: there are none, rights are given in the config of the hub')
  answer.array([], () => {})
  answer.tags()
  return answer
}
