import type { Reader } from '../wire/reader.ts'
import type { Writer } from '../wire/writer.ts'
import { OauthBearerClient } from '../sasl/oauthbearer.ts'
import { PlainClient } from '../sasl/plain.ts'
import { SaslError } from '../sasl/sasl.ts'
import type { SaslClient } from '../sasl/sasl.ts'
import { ScramClient } from '../sasl/scram.ts'
import type { SaslCredentials, TokenCredentials } from '../security.ts'
import { Secret } from '../../system/secret.ts'
import type { System } from '../../system/system.ts'
import { API } from './messages.ts'
import type { Api } from './messages.ts'
import { KAFKA_ERROR, notAuthenticated } from './protocol-faults.ts'
import { TokenSource } from './token-source.ts'

/** Sends one request and resolves with its answer. */
export type Ask = (api: Api, write: (to: Writer) => void) => Promise<Reader>

/** Makes the client's end of a login, anew for each. */
export type NewLogin = () => SaslClient

export function loginWith(credentials: SaslCredentials, system: Pick<System, 'clock' | 'net' | 'random'>): NewLogin {
  if (credentials.mechanism === 'OAUTHBEARER') return tokenLogin(credentials, system)
  const { mechanism, username: name, password } = credentials
  if (mechanism === 'PLAIN') return () => new PlainClient(name, password.reveal())
  return () => {
    const nonce = Buffer.from(system.random.bytes(NONCE_BYTES)).toString('base64url')
    return new ScramClient(mechanism, { name, password: password.reveal(), nonce })
  }
}

function tokenLogin({ token, extensions }: TokenCredentials, system: Pick<System, 'clock' | 'net'>): NewLogin {
  if (token instanceof Secret) return () => new OauthBearerClient(() => Promise.resolve(token.reveal()), extensions)
  const tokens = new TokenSource(token, system)
  return () => new OauthBearerClient(() => tokens.get(), extensions)
}

const NONCE_BYTES = 24

/** Steps of the longest mechanism, and one to spare: a server does not keep us talking for ever. */
const MAX_STEPS = 4

/**
 * Logs in: SaslHandshake, then SaslAuthenticate until both ends are content (KIP-152). Answers for how long, in ms; 0
 * for as long as the connection lasts.
 * @throws LogError `LOG_NOT_AUTHENTICATED` with the broker's own words, or what `ask` and the tokens throw
 */
export async function logIn(ask: Ask, login: SaslClient): Promise<number> {
  await shakeHands(ask, login.mechanism)
  try {
    let token: Buffer | undefined = await login.first()
    for (let step = 0; step < MAX_STEPS; step++) {
      const { challenge, lifetimeMs } = await authenticate(ask, token)
      token = await login.next(challenge)
      if (token === undefined) return lifetimeMs
    }
    throw new SaslError(`Cannot log in: the server goes on after ${MAX_STEPS} steps`)
  } catch (error) {
    throw error instanceof SaslError ? notAuthenticated(error.message, error) : error
  }
}

async function shakeHands(ask: Ask, mechanism: string): Promise<void> {
  const answer = await ask(API.saslHandshake, (to) => to.string(mechanism))
  const error = answer.int16()
  if (error === KAFKA_ERROR.none) return
  const offered = answer.array((reader) => reader.string()).join(', ')
  if (error === KAFKA_ERROR.illegalSaslState)
    throw notAuthenticated('the listener asks nobody to log in, want no "sasl"')
  throw notAuthenticated(`the broker does not know ${mechanism}, want one of ${offered || 'none'}`)
}

async function authenticate(ask: Ask, token: Buffer): Promise<{ challenge: Buffer; lifetimeMs: number }> {
  const answer = await ask(API.saslAuthenticate, (to) => to.bytes(token))
  const error = answer.int16()
  const message = answer.nullableString()
  if (error !== KAFKA_ERROR.none) throw notAuthenticated(message ?? `the broker answers error ${error}`)
  return { challenge: answer.nullableBytes() ?? Buffer.alloc(0), lifetimeMs: answer.int64() }
}
