import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { SaslError, tokenText } from './sasl.ts'
import type { SaslClient, SaslServer, SaslStep } from './sasl.ts'

/** SCRAM (RFC 5802, RFC 7677; KIP-84), both ends. Without channel binding, which the Kafka protocol does not have. */
export type ScramMechanism = 'SCRAM-SHA-256' | 'SCRAM-SHA-512'

export const SCRAM_MECHANISMS: readonly ScramMechanism[] = ['SCRAM-SHA-256', 'SCRAM-SHA-512']

/** What a server keeps instead of a password: it can check one, and cannot log in elsewhere with it. */
export interface ScramVerifier {
  readonly salt: Uint8Array
  readonly iterations: number
  readonly storedKey: Uint8Array
  readonly serverKey: Uint8Array
}

/** RFC 7677 section 4; Kafka refuses less, too. */
const MIN_ITERATIONS = 4096
/** About a second of one core: what a server may make us work. */
const MAX_ITERATIONS = 1_000_000

/** Neither channel binding nor another identity to act for. */
const GS2_HEADER = 'n,,'
const NONCE = /^[\x21-\x2b\x2d-\x7e]{1,512}$/
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

const stretch = promisify(pbkdf2)

/** What a server keeps of a password. */
export async function scramVerifier(
  mechanism: ScramMechanism,
  password: string,
  salt: Uint8Array,
  iterations: number,
): Promise<ScramVerifier> {
  const salted = await saltedPassword(mechanism, password, salt, iterations)
  const storedKey = hash(mechanism, hmac(mechanism, salted, 'Client Key'))
  return { salt, iterations, storedKey, serverKey: hmac(mechanism, salted, 'Server Key') }
}

/** Whether a password is the one that a verifier was made of. */
export async function isPassword(
  mechanism: ScramMechanism,
  password: string,
  { salt, iterations, storedKey }: ScramVerifier,
): Promise<boolean> {
  const given = await scramVerifier(mechanism, password, salt, iterations)
  return timingSafeEqual(given.storedKey, storedKey)
}

export interface ScramIdentity {
  readonly name: string
  readonly password: string
  /** Fresh for each login: printable ASCII without commas. */
  readonly nonce: string
}

/**
 * The end that logs in. It believes a server only that has proved to know the password as well.
 *
 * The password is taken as it is, not prepared as RFC 5802 wants it: Kafka and its clients do not prepare it, and the
 * two differ in passwords only that are in no normal form.
 */
export class ScramClient implements SaslClient {
  readonly mechanism: ScramMechanism
  readonly #identity: ScramIdentity
  readonly #bare: string
  /** Known once the server has sent salt and iterations. */
  #serverSignature: Buffer | undefined

  constructor(mechanism: ScramMechanism, identity: ScramIdentity) {
    this.mechanism = mechanism
    this.#identity = identity
    this.#bare = `n=${escapeName(identity.name)},r=${identity.nonce}`
  }

  first(): Promise<Buffer> {
    return Promise.resolve(Buffer.from(GS2_HEADER + this.#bare))
  }

  async next(challenge: Buffer): Promise<Buffer | undefined> {
    const text = tokenText(challenge)
    if (this.#serverSignature === undefined) return this.#prove(text)
    this.#verify(text, this.#serverSignature)
    return undefined
  }

  async #prove(serverFirst: string): Promise<Buffer> {
    const { nonce, salt, iterations } = readServerFirst(serverFirst)
    const own = this.#identity.nonce
    if (!nonce.startsWith(own) || nonce.length === own.length) {
      throw new SaslError('Cannot believe the server: its nonce does not continue ours, want a fresh answer')
    }
    const { mechanism } = this
    const salted = await saltedPassword(mechanism, this.#identity.password, salt, iterations)
    const clientKey = hmac(mechanism, salted, 'Client Key')
    const withoutProof = `c=${Buffer.from(GS2_HEADER).toString('base64')},r=${nonce}`
    const exchange = `${this.#bare},${serverFirst},${withoutProof}`
    const signature = hmac(mechanism, hash(mechanism, clientKey), exchange)
    this.#serverSignature = hmac(mechanism, hmac(mechanism, salted, 'Server Key'), exchange)
    return Buffer.from(`${withoutProof},p=${xor(clientKey, signature).toString('base64')}`)
  }

  #verify(serverFinal: string, wanted: Buffer): void {
    const { v, e } = attributes(serverFinal)
    if (e !== undefined) throw new SaslError(`Cannot log in: the server says "${e}"`)
    const given = base64(v, 'signature')
    if (given.length === wanted.length && timingSafeEqual(given, wanted)) return
    throw new SaslError('Cannot believe the server: its signature is wrong, want one that knows the password')
  }
}

export interface ScramServerOptions {
  /**
   * The verifiers of a user, one for each way in which its password may be written (as it is, and prepared): they
   * differ in their keys only. Undefined for nobody: see `decoy`.
   */
  readonly verifiers: (name: string) => readonly [ScramVerifier, ...ScramVerifier[]] | undefined
  /** What to ask somebody with who is nobody: a salt that is the same at each try, as that of a user would be. */
  readonly decoy: (name: string) => ScramVerifier
  /** Fresh for each login: printable ASCII without commas. */
  readonly nonce: string
}

/** The end that is logged in to. Whoever is unknown is asked for a proof like everybody else. */
export class ScramServer implements SaslServer {
  readonly mechanism: ScramMechanism
  readonly #options: ScramServerOptions
  #asked: (ClientFirst & { readonly serverFirst: string }) | undefined

  constructor(mechanism: ScramMechanism, options: ScramServerOptions) {
    this.mechanism = mechanism
    this.#options = options
  }

  async step(token: Buffer): Promise<SaslStep> {
    const text = tokenText(token)
    return this.#asked === undefined ? this.#ask(text) : this.#check(text)
  }

  #ask(clientFirst: string): SaslStep {
    const first = readClientFirst(clientFirst)
    const { salt, iterations } = this.#options.verifiers(first.name)?.[0] ?? this.#options.decoy(first.name)
    const nonce = first.nonce + this.#options.nonce
    const serverFirst = `r=${nonce},s=${Buffer.from(salt).toString('base64')},i=${iterations}`
    this.#asked = { ...first, serverFirst }
    return { answer: Buffer.from(serverFirst) }
  }

  #check(clientFinal: string): SaslStep {
    const { name, header, bare, serverFirst } = this.#asked!
    const { c, r, p } = attributes(clientFinal)
    if (c !== Buffer.from(header).toString('base64'))
      throw new SaslError('Cannot log in: channel binding is not what was begun with', name)
    // Our part makes the login a fresh one. librdkafka before 2.2 repeats the client's part, and Kafka lets it.
    if (!r?.endsWith(this.#options.nonce)) throw new SaslError('Cannot log in: nonce is of another login', name)
    const proof = base64(p, 'proof')
    const exchange = `${bare},${serverFirst},${clientFinal.slice(0, clientFinal.lastIndexOf(',p='))}`
    const known = this.#options.verifiers(name)
    for (const verifier of known ?? [this.#options.decoy(name)]) {
      if (!proves(this.mechanism, verifier, proof, exchange) || !known) continue
      const signature = hmac(this.mechanism, verifier.serverKey, exchange)
      return { answer: Buffer.from(`v=${signature.toString('base64')}`), name }
    }
    throw new SaslError(known ? 'Cannot log in: wrong password' : 'Cannot log in: no user has this name', name)
  }
}

function proves(mechanism: ScramMechanism, { storedKey }: ScramVerifier, proof: Buffer, exchange: string): boolean {
  const signature = hmac(mechanism, storedKey, exchange)
  if (proof.length !== signature.length) return false
  return timingSafeEqual(hash(mechanism, xor(proof, signature)), storedKey)
}

function readServerFirst(text: string): { nonce: string; salt: Buffer; iterations: number } {
  const { m, e, r, s, i } = attributes(text)
  if (e !== undefined) throw new SaslError(`Cannot log in: the server says "${e}"`)
  if (m !== undefined) throw new SaslError('Cannot log in: the server demands an extension of SCRAM, want none')
  if (r === undefined || !NONCE.test(r)) throw new SaslError('Cannot log in: the server sent no nonce')
  const iterations = /^\d{1,9}$/.test(i ?? '') ? Number(i) : NaN
  if (!(iterations >= MIN_ITERATIONS && iterations <= MAX_ITERATIONS)) {
    const want = `want ${MIN_ITERATIONS} to ${MAX_ITERATIONS}`
    throw new SaslError(`Cannot log in: the server asks for ${shortened(i)} iterations, ${want}`)
  }
  const salt = base64(s, 'salt')
  if (salt.length === 0) throw new SaslError('Cannot log in: the server sent no salt')
  return { nonce: r, salt, iterations }
}

interface ClientFirst {
  readonly name: string
  readonly nonce: string
  /** What the message begins with, and the rest of it. */
  readonly header: string
  readonly bare: string
}

function readClientFirst(text: string): ClientFirst {
  // `y`: the client could bind channels, and believes that we cannot; which is so.
  const match = /^((?:n|y),(?:a=([^,]*))?,)(n=([^,]*),r=([^,]*)(?:,.*)?)$/s.exec(text)
  if (!match) throw new SaslError('Cannot log in: the first message is not one of SCRAM without channel binding')
  const [, header, authority, bare, escaped, nonce] = match
  const name = unescapeName(escaped!)
  if (authority !== undefined && unescapeName(authority) !== name) {
    throw new SaslError('Cannot log in: one user asks to act for another', name)
  }
  if (!NONCE.test(nonce!)) throw new SaslError('Cannot log in: nonce is empty, too long or not printable', name)
  return { name, nonce: nonce!, header: header!, bare: bare! }
}

/** The attributes of a message by their letter; the first of each counts. */
function attributes(text: string): { readonly [letter: string]: string | undefined } {
  const found: { [letter: string]: string } = Object.create(null)
  for (const part of text.split(',', 32)) {
    const letter = /^([A-Za-z])=/.exec(part)?.[1]
    if (letter !== undefined) found[letter] ??= part.slice(2)
  }
  return found
}

function base64(text: string | undefined, what: string): Buffer {
  if (text === undefined || !BASE64.test(text)) throw new SaslError(`Cannot log in: ${what} is not base64`)
  return Buffer.from(text, 'base64')
}

/** RFC 5802 section 5.1: the two characters that the messages themselves are made of. */
function escapeName(name: string): string {
  return name.replaceAll('=', '=3D').replaceAll(',', '=2C')
}

function unescapeName(escaped: string): string {
  if (escaped === '' || /=(?!2C|3D)/.test(escaped))
    throw new SaslError('Cannot log in: user name is empty or malformed')
  return escaped.replaceAll('=2C', ',').replaceAll('=3D', '=')
}

function saltedPassword(mechanism: ScramMechanism, password: string, salt: Uint8Array, iterations: number) {
  return stretch(password, salt, iterations, BYTES[mechanism], HASHES[mechanism])
}

const HASHES = { 'SCRAM-SHA-256': 'sha256', 'SCRAM-SHA-512': 'sha512' } as const
const BYTES = { 'SCRAM-SHA-256': 32, 'SCRAM-SHA-512': 64 } as const

function hmac(mechanism: ScramMechanism, key: Uint8Array, data: string): Buffer {
  return createHmac(HASHES[mechanism], key).update(data).digest()
}

function hash(mechanism: ScramMechanism, data: Uint8Array): Buffer {
  return createHash(HASHES[mechanism]).update(data).digest()
}

function xor(a: Uint8Array, b: Uint8Array): Buffer {
  return Buffer.from(a.map((byte, i) => byte ^ b[i]!))
}

function shortened(text: string | undefined): string {
  return text === undefined ? 'no' : text.slice(0, 20)
}
