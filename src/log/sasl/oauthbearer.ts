import { SaslError } from './sasl.ts'
import type { SaslClient } from './sasl.ts'

/** RFC 7628 section 3.1: what separates the pairs of a message; alone, it is the answer to a refusal. */
const SEPARATOR = '\x01'

export interface Extensions {
  readonly [name: string]: string
}

/** OAUTHBEARER (RFC 7628, KIP-255), the end that logs in: a token that somebody else has signed. */
export class OauthBearerClient implements SaslClient {
  readonly mechanism = 'OAUTHBEARER'
  readonly #token: () => Promise<string>
  readonly #extensions: Extensions
  #refusal: string | undefined

  constructor(token: () => Promise<string>, extensions: Extensions = {}) {
    this.#token = token
    this.#extensions = extensions
  }

  async first(): Promise<Buffer> {
    const token = await this.#token()
    // RFC 6750 section 2.1. Anything else would end the pair and begin another.
    if (!/^[A-Za-z0-9\-._~+/]+=*$/.test(token)) throw new SaslError('Cannot log in: the token is not a bearer token')
    const pairs = Object.entries(this.#extensions).map(([name, value]) => `${name}=${value}${SEPARATOR}`)
    return Buffer.from(`n,,${SEPARATOR}auth=Bearer ${token}${SEPARATOR}${pairs.join('')}${SEPARATOR}`)
  }

  /** A refusal comes as JSON, is acknowledged, and only then the server ends the login (section 3.2.3). */
  next(challenge: Buffer): Promise<Buffer | undefined> {
    if (challenge.length === 0 && this.#refusal === undefined) return Promise.resolve(undefined)
    if (this.#refusal !== undefined) return Promise.reject(new SaslError(this.#refusal))
    this.#refusal = `Cannot log in: the server refuses the token, and says ${challenge.toString('latin1', 0, 300)}`
    return Promise.resolve(Buffer.from(SEPARATOR))
  }
}

/** Names of RFC 7628 section 3.1, values without control characters; `auth` is the token's own. Undefined: fine. */
export function extensionFault(name: string, value: string): string | undefined {
  if (name === 'auth' || !/^[A-Za-z]+$/.test(name)) return `"${name}" is no name of an extension, want letters`
  return /^[\x20-\x7e\t\r\n]*$/.test(value) ? undefined : `the value of "${name}" is not printable ASCII`
}
