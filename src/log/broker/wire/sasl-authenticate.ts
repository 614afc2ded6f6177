import type { Peer, Request, Services } from './api.ts'
import { ERROR } from './protocol-error.ts'
import { WireError } from '../../wire/reader.ts'
import { Writer } from '../../wire/writer.ts'

const NOTHING = Buffer.alloc(0)

/** SaslAuthenticate (36), v0 to v2: a token of the login. One that fails is told, late, and ends the connection. */
export async function saslAuthenticate(services: Services, { version, body, answer, peer }: Request): Promise<Writer> {
  const answered = await peer.session.take(body.nullableBytes() ?? NOTHING)
  const failure = answered === undefined ? 'No login has begun, want SaslHandshake first' : failureOf(answered)
  answer.int16(codeOf(answered, failure))
  answer.message(failure ?? null)
  answer.bytes(answered && 'token' in answered ? answered.token : NOTHING)
  if (version >= 1) answer.int64(answered && 'token' in answered ? answered.lifetimeMs : 0)
  answer.tags()
  if (answered && 'failure' in answered) await services.clock.sleep(answered.delayMs, peer.closed).catch(() => {})
  if (failure !== undefined) peer.refuse(failure)
  return answer
}

type Answered = Awaited<ReturnType<Peer['session']['take']>>

function failureOf(answered: NonNullable<Answered>): string | undefined {
  return 'failure' in answered ? answered.failure : undefined
}

function codeOf(answered: Answered, failure: string | undefined) {
  if (failure === undefined) return ERROR.none
  return answered === undefined ? ERROR.illegalSaslState : ERROR.saslAuthenticationFailed
}

/** A token without a request around it, as clients before Kafka 1.0 send it. A login that fails has no answer. */
export async function rawToken(services: Services, token: Buffer, peer: Peer): Promise<Writer> {
  const answered = await peer.session.take(token)
  if (answered && 'token' in answered) {
    const answer = new Writer(false)
    answer.raw(answered.token)
    return answer
  }
  await services.clock.sleep(answered?.delayMs ?? 0, peer.closed).catch(() => {})
  throw new WireError(`Cannot log in "${peer.session.userName}": ${peer.session.reason}`)
}
