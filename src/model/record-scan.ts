const QUOTE = 0x22
const COMMA = 0x2c
const MINUS = 0x2d
const POINT = 0x2e
const ZERO = 0x30
const COLON = 0x3a
const BACKSLASH = 0x5c
const BRACE = 0x7d

/** Digits of which every number is exact; divided by an exact power of ten it is rounded once, as it should be. */
const MOST_DIGITS = 15
const POWERS = Array.from({ length: MOST_DIGITS + 1 }, (_, exponent) => 10 ** exponent)

/** Longer names and numbers are rare, and left to the parser. */
const LONGEST = 256

/** Names that were read, by a hash of their bytes: the same few come for ever, and a text is made of each once. */
const NAMES = Array.from({ length: 4096 }, () => '')

/** What a record says whose values are all numbers. */
export interface NumbersRecord {
  readonly asset: string
  readonly ts: number
  readonly recv: number
  readonly values: { [tag: string]: number }
}

/**
 * Reads a record as `encodeRecord` writes it when all its values are numbers, in half the time of `JSON.parse`; what
 * comes out is the same. Undefined: it is another record, or none, and has to be parsed.
 */
export function scanRecord(bytes: Uint8Array): NumbersRecord | undefined {
  const scanner = new Scanner(bytes)
  const asset = scanner.passes('{"asset":') ? scanner.name() : undefined
  const ts = asset !== undefined && scanner.passes(',"ts":') ? scanner.number() : undefined
  const recv = ts !== undefined && scanner.passes(',"recv":') ? scanner.number() : undefined
  const values = recv !== undefined && scanner.passes(',"values":{') ? scanner.members() : undefined
  if (values === undefined || !scanner.passes('}') || !scanner.ended) return undefined
  return { asset: asset!, ts: ts!, recv: recv!, values }
}

class Scanner {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get ended(): boolean {
    return this.#at === this.#bytes.length
  }

  /** Goes past this text, if it is what follows. */
  passes(text: string): boolean {
    for (let i = 0; i < text.length; i++) if (this.#bytes[this.#at + i] !== text.charCodeAt(i)) return false
    this.#at += text.length
    return true
  }

  /** Names and numbers up to and with the closing brace. */
  members(): { [tag: string]: number } | undefined {
    const values: { [tag: string]: number } = {}
    if (this.passes('}')) return values
    let next: number | undefined = COMMA
    while (next === COMMA) {
      const tag = this.name()
      // The one name that cannot be set like any other.
      if (tag === undefined || tag === '__proto__' || this.#bytes[this.#at++] !== COLON) return undefined
      const value = this.number()
      if (value === undefined) return undefined
      values[tag] = value
      next = this.#bytes[this.#at++]
    }
    return next === BRACE ? values : undefined
  }

  /** A quoted name of ASCII without escapes. */
  name(): string | undefined {
    const bytes = this.#bytes
    if (bytes[this.#at] !== QUOTE) return undefined
    const start = this.#at + 1
    let end = start
    let hash = 0
    for (let byte = bytes[end]; byte !== QUOTE; byte = bytes[++end]) {
      if (byte === undefined || byte < 0x20 || byte > 0x7e || byte === BACKSLASH) return undefined
      hash = (Math.imul(hash, 31) + byte) | 0
    }
    if (end - start > LONGEST) return undefined
    this.#at = end + 1
    const slot = (hash ^ (hash >>> 12)) & (NAMES.length - 1)
    const known = NAMES[slot]!
    if (isText(known, bytes, start, end)) return known
    const name = String.fromCharCode(...bytes.subarray(start, end))
    NAMES[slot] = name
    return name
  }

  /** A number as JSON spells it (RFC 8259, 6); most are digits and a point, and worth no text. */
  number(): number | undefined {
    const bytes = this.#bytes
    const start = this.#at
    const negative = bytes[start] === MINUS
    const first = negative ? start + 1 : start
    let at = first
    let point = -1
    let digits = 0
    for (; ; at++) {
      const byte = bytes[at]!
      if (byte >= ZERO && byte <= ZERO + 9) digits = digits * 10 + (byte - ZERO)
      else if (byte === POINT && point === -1) point = at
      else break
    }
    const count = at - first - (point === -1 ? 0 : 1)
    const whole = (point === -1 ? at : point) - first
    const plain = whole > 0 && point !== at - 1 && (whole === 1 || bytes[first] !== ZERO) && count <= MOST_DIGITS
    if (!plain || (bytes[at] !== COMMA && bytes[at] !== BRACE)) return this.#parsedNumber(at)
    this.#at = at
    const value = point === -1 ? digits : digits / POWERS[at - 1 - point]!
    return negative ? -value : value
  }

  /** One of many digits, or with an exponent. */
  #parsedNumber(from: number): number | undefined {
    let end = from
    while (end < this.#bytes.length && this.#bytes[end] !== COMMA && this.#bytes[end] !== BRACE) end++
    if (end - this.#at > LONGEST) return undefined
    const text = String.fromCharCode(...this.#bytes.subarray(this.#at, end))
    if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text)) return undefined
    this.#at = end
    return Number(text)
  }
}

function isText(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false
  return true
}
