import type { Clock } from '../../../system/clock.ts'
import type { Random } from '../../../system/random.ts'
import { PlainServer } from '../../sasl/plain.ts'
import { SaslError } from '../../sasl/sasl.ts'
import type { SaslServer } from '../../sasl/sasl.ts'
import { SCRAM_MECHANISMS, ScramServer } from '../../sasl/scram.ts'
import type { ScramMechanism } from '../../sasl/scram.ts'
import type { LoginLimiter } from './login-limiter.ts'
import { ANYBODY, NOBODY } from './principal.ts'
import type { Principal } from './principal.ts'
import type { Users } from './users.ts'

/** Who comes in by a listener, and how. */
export interface Gate {
  /** Undefined: nobody has to log in. */
  readonly users?: Users
  /** How long a login lasts, ms; undefined: as long as its connection. */
  readonly sessionMs?: number
  /** Absent: passwords here cannot be guessed. */
  readonly limiter?: LoginLimiter
  readonly clock: Clock
  readonly random: Random
}

/** What is known of the other end without its word. */
export interface Remote {
  readonly host: string
  /** Whether nobody on the way can read what is said: TLS, or it never leaves this machine. */
  readonly private: boolean
  /** Common name of a certificate that our authority signed. */
  readonly certificateName?: string
}

/** What to answer to a token. `failure`: the login is over, and the connection is to be closed. */
export type Answered =
  | { readonly token: Buffer; readonly lifetimeMs: number }
  | { readonly failure: string; readonly delayMs: number }

const NONCE_BYTES = 24

/**
 * Who a connection acts for, and the login by which it got there (KIP-43, KIP-152, KIP-368). Whoever logs in again must
 * be who they were.
 */
export class Session {
  readonly #gate: Gate
  readonly #remote: Remote
  #principal: Principal
  #login: SaslServer | undefined
  #working = false
  #raw = false
  /** Monotonic ms. */
  #expiresAt = Infinity
  /** Who tried last; for the log. */
  #userName = ''
  /** Why the last login was refused; for the log. */
  #reason = ''

  constructor(gate: Gate, remote: Remote) {
    this.#gate = gate
    this.#remote = remote
    const { users } = gate
    this.#principal = users === undefined ? ANYBODY : (users.byCertificate(remote.certificateName ?? '') ?? NOBODY)
  }

  get principal(): Principal {
    return this.#principal
  }

  /** Whether nobody has to log in (any more) before they are served. */
  get open(): boolean {
    return this.#principal !== NOBODY
  }

  /** Whether the next frame is a bare token: after a SaslHandshake of version 0. */
  get expectsRawToken(): boolean {
    return this.#raw && this.#login !== undefined
  }

  get reason(): string {
    return this.#reason
  }

  get userName(): string {
    return this.#userName
  }

  /** Why an ordinary request is not served now; undefined where it is. */
  refusal(): string | undefined {
    if (!this.open) return 'nobody has logged in, want SaslHandshake and SaslAuthenticate first'
    if (this.#login !== undefined) return 'a login is under way, want it ended first'
    if (this.#gate.clock.monotonic() < this.#expiresAt) return undefined
    return `the login of "${this.#principal.name}" has run out, want it renewed in time`
  }

  /** The mechanisms that may be used here; none where nobody logs in. */
  get mechanisms(): readonly string[] {
    if (this.#gate.users === undefined) return []
    return this.#remote.private ? ['PLAIN', ...SCRAM_MECHANISMS] : SCRAM_MECHANISMS
  }

  /** Begins a login; answers false where the mechanism is none of ours. */
  begin(mechanism: string, raw: boolean): boolean {
    this.#login = this.mechanisms.includes(mechanism) ? this.#server(mechanism) : undefined
    this.#raw = raw
    return this.#login !== undefined
  }

  /** Takes a token of the login that was begun; undefined where none was. */
  async take(token: Buffer): Promise<Answered | undefined> {
    const login = this.#login
    const { limiter, sessionMs = 0, clock } = this.#gate
    if (login === undefined || this.#working) return undefined
    if (limiter?.blocks(this.#remote.host)) return this.#fail('Too many logins have failed, want a pause of a minute')
    this.#working = true
    try {
      const { answer, name } = await login.step(token)
      if (name === undefined) return { token: answer, lifetimeMs: 0 }
      this.#userName = name
      const fault = this.#become(this.#gate.users!.principal(name)!)
      if (fault !== undefined) return this.#fail(fault)
      if (sessionMs > 0) this.#expiresAt = clock.monotonic() + sessionMs
      this.#login = undefined
      return { token: answer, lifetimeMs: sessionMs }
    } catch (error) {
      if (!(error instanceof SaslError)) throw error
      this.#userName = error.userName ?? ''
      this.#reason = error.message
      return this.#fail('Cannot log in: wrong name or password')
    } finally {
      this.#working = false
    }
  }

  #become(principal: Principal): string | undefined {
    if (this.open && this.#principal.name !== principal.name) return 'Cannot log in again: another user began'
    this.#principal = principal
    return undefined
  }

  /** What a client is told does not tell a wrong name from a wrong password; `reason` does. */
  #fail(failure: string): Answered {
    if (this.#reason === '') this.#reason = failure
    this.#login = undefined
    return { failure, delayMs: this.#gate.limiter?.failed(this.#remote.host) ?? 0 }
  }

  #server(mechanism: string): SaslServer {
    const { random, users } = this.#gate
    if (mechanism === 'PLAIN') return new PlainServer((name, password) => users!.isPassword(name, password))
    const scram = mechanism as ScramMechanism
    return new ScramServer(scram, {
      verifiers: (name) => users!.verifiers(scram, name),
      decoy: (name) => users!.decoy(scram, name),
      nonce: Buffer.from(random.bytes(NONCE_BYTES)).toString('base64url'),
    })
  }
}
