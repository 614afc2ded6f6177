import { createHmac } from 'node:crypto'

/** Characters of a pseudonym: 128 bits, so that no two machines ever share one by chance. */
const LENGTH = 22

/** Most pseudonyms that are remembered: a fleet asks for the same ones again and again. */
const MOST_REMEMBERED = 100_000

/**
 * Pseudonyms of machines: HMAC-SHA-256 (RFC 2104) of the path with a key of the product and the period. Who has no key can
 * neither tell the machine, nor try all machines (which a hash without a key allows), nor connect two periods or products.
 */
export class Pseudonyms {
  readonly #secret: string
  readonly #product: string
  readonly #periodMs: number | undefined
  readonly #known = new Map<string, string>()
  #period: { readonly number: number; readonly key: Buffer } | undefined

  constructor(secret: string, product: string, periodMs: number | undefined) {
    this.#secret = secret
    this.#product = product
    this.#periodMs = periodMs
  }

  /** The pseudonym of an asset at a time, ms since the epoch. */
  of(asset: string, time: number): string {
    const period = this.#periodMs === undefined ? 0 : Math.floor(time / this.#periodMs)
    const name = `${period} ${asset}`
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const digest = createHmac('sha256', this.#keyOf(period)).update(asset).digest('base64url')
    const pseudonym = digest.slice(0, LENGTH)
    if (this.#known.size >= MOST_REMEMBERED) this.#known.clear()
    this.#known.set(name, pseudonym)
    return pseudonym
  }

  /** A key of its own for each product and period, made from the one secret. */
  #keyOf(number: number): Buffer {
    if (this.#period?.number !== number) {
      const key = createHmac('sha256', this.#secret)
        .update(JSON.stringify([this.#product, number]))
        .digest()
      this.#period = { number, key }
    }
    return this.#period.key
  }
}
