import type { Request, Services } from './api.ts'
import { ERROR } from './protocol-error.ts'
import type { Writer } from '../../wire/writer.ts'

/** SaslHandshake (17), v0 and v1: chooses how to log in. After v0 tokens come bare, without a request around them. */
export function saslHandshake(_: Services, { version, body, answer, peer: { session } }: Request): Writer {
  const known = session.begin(body.string(), version === 0)
  const { mechanisms } = session
  const refused = mechanisms.length === 0 ? ERROR.illegalSaslState : ERROR.unsupportedSaslMechanism
  answer.int16(known ? ERROR.none : refused)
  answer.array(mechanisms, (mechanism) => answer.string(mechanism))
  return answer
}
