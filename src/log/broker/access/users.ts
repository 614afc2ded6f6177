import { createHmac } from 'node:crypto'
import { saslPrep } from '../../sasl/saslprep.ts'
import { isPassword, SCRAM_MECHANISMS, scramVerifier } from '../../sasl/scram.ts'
import type { ScramMechanism, ScramVerifier } from '../../sasl/scram.ts'
import type { Random } from '../../../system/random.ts'
import type { Secret } from '../../../system/secret.ts'
import { principalOf } from './principal.ts'
import type { Principal, Rights } from './principal.ts'

/** A user as the config has it. Without a password it comes with a certificate that has its name. */
export interface UserAccount extends Rights {
  readonly password?: Secret
}

/** What the broker's thread is told of a user: no password, only what checks one. Plain data. */
export interface KnownUser extends Rights {
  readonly verifiers?: { readonly [mechanism in ScramMechanism]: Verifiers }
}

/** One for each way in which a client may write the password: as it is, and prepared. They share salt and iterations. */
type Verifiers = readonly [ScramVerifier, ...ScramVerifier[]]

/** The least that RFC 7677 takes: what is kept is kept in memory only, and thousands of clients may come at once. */
const ITERATIONS = 4096
const SALT_BYTES = 16

/** Forgets a user's password but for what checks it. */
export async function knownUser({ password, ...rights }: UserAccount, random: Random): Promise<KnownUser> {
  if (password === undefined) return rights
  const [sha256, sha512] = await Promise.all(
    SCRAM_MECHANISMS.map((mechanism) => verifiersOf(mechanism, password.reveal(), random)),
  )
  return { ...rights, verifiers: { 'SCRAM-SHA-256': sha256!, 'SCRAM-SHA-512': sha512! } }
}

async function verifiersOf(mechanism: ScramMechanism, password: string, random: Random): Promise<Verifiers> {
  const salt = random.bytes(SALT_BYTES)
  const first = await scramVerifier(mechanism, password, salt, ITERATIONS)
  const prepared = saslPrep(password)
  if (prepared === undefined || prepared === password) return [first]
  return [first, await scramVerifier(mechanism, prepared, salt, ITERATIONS)]
}

/** The users of a listener. */
export class Users {
  readonly #users: ReadonlyMap<string, { readonly user: KnownUser; readonly principal: Principal }>
  readonly #decoyKey: Uint8Array

  constructor(users: readonly KnownUser[], random: Random) {
    this.#users = new Map(users.map((user) => [user.name, { user, principal: principalOf(user) }]))
    this.#decoyKey = random.bytes(SALT_BYTES)
  }

  principal(name: string): Principal | undefined {
    return this.#users.get(name)?.principal
  }

  /** Who comes with a certificate of this name: a user that has no password. */
  byCertificate(name: string): Principal | undefined {
    const known = this.#users.get(name)
    return known?.user.verifiers === undefined ? known?.principal : undefined
  }

  /** Undefined: nobody logs in by that name and a password. */
  verifiers(mechanism: ScramMechanism, name: string): Verifiers | undefined {
    return this.#users.get(name)?.user.verifiers?.[mechanism]
  }

  /** What somebody is asked with who is nobody; the same each time, like that of a user. Nothing proves it. */
  decoy(mechanism: ScramMechanism, name: string): ScramVerifier {
    const hash = mechanism === 'SCRAM-SHA-256' ? 'sha256' : 'sha512'
    const key = createHmac(hash, this.#decoyKey).update(name).digest()
    return { salt: key.subarray(0, SALT_BYTES), iterations: ITERATIONS, storedKey: key, serverKey: key }
  }

  /** The same work for a name that is not there, so that time does not tell which names are. */
  async isPassword(name: string, password: string): Promise<boolean> {
    const mechanism = 'SCRAM-SHA-256'
    const known = this.verifiers(mechanism, name)
    if (known === undefined) await scramVerifier(mechanism, password, this.#decoyKey, ITERATIONS)
    for (const verifier of known ?? []) if (await isPassword(mechanism, password, verifier)) return true
    return false
  }
}
