import { SaslError, tokenText } from './sasl.ts'
import type { SaslClient, SaslServer, SaslStep } from './sasl.ts'

/** PLAIN (RFC 4616): the password itself. Only for a connection that nobody can listen to. */
const NUL = '\0'
const NOTHING = Buffer.alloc(0)

/** The end that logs in. */
export class PlainClient implements SaslClient {
  readonly mechanism = 'PLAIN'
  readonly #name: string
  readonly #password: string

  constructor(name: string, password: string) {
    this.#name = name
    this.#password = password
  }

  first(): Promise<Buffer> {
    return Promise.resolve(Buffer.from(NUL + this.#name + NUL + this.#password))
  }

  /** The server's word is all there is. */
  next(): Promise<undefined> {
    return Promise.resolve(undefined)
  }
}

/** The end that is logged in to; `check` decides whether the password is that of the name. */
export class PlainServer implements SaslServer {
  readonly mechanism = 'PLAIN'
  readonly #check: (name: string, password: string) => Promise<boolean>

  constructor(check: (name: string, password: string) => Promise<boolean>) {
    this.#check = check
  }

  async step(token: Buffer): Promise<SaslStep> {
    const parts = tokenText(token).split(NUL, 4)
    const [authority, name, password] = parts
    if (parts.length !== 3 || !name || !password) {
      throw new SaslError('Cannot log in: the message is not one of PLAIN, want identity, name and password')
    }
    if (authority !== '' && authority !== name) {
      throw new SaslError('Cannot log in: one user asks to act for another', name)
    }
    if (!(await this.#check(name, password))) throw new SaslError('Cannot log in: wrong name or password', name)
    return { answer: NOTHING, name }
  }
}
