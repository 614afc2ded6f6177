/**
 * The partition of a key, as Kafka's own clients choose it (`Utils.murmur2` of the key's UTF-8 bytes, sign bit
 * cleared), so that other producers and readers of a topic agree with us about where a machine's records lie.
 */
export function partitionOf(key: string | Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions
}

const SEED = 0x9747b28c
const M = 0x5bd1e995

/** MurmurHash2 (32 bit, Kafka's seed) of bytes, or of the UTF-8 bytes of a string. Signed, as in Java. */
export function murmur2(key: string | Uint8Array): number {
  if (typeof key !== 'string') return hashBytes(key)
  return hashAscii(key) ?? hashBytes(Buffer.from(key))
}

function hashBytes(bytes: Uint8Array): number {
  const whole = bytes.length & ~3
  let h = SEED ^ bytes.length
  for (let i = 0; i < whole; i += 4) {
    h = mix(h, bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24))
  }
  let tail = 0
  for (let i = bytes.length - 1; i >= whole; i--) tail = (tail << 8) | bytes[i]!
  return finish(h, tail, bytes.length & 3)
}

/** The same without making the bytes first; keys of assets are nearly always ASCII. Undefined for other texts. */
function hashAscii(text: string): number | undefined {
  const { length } = text
  const whole = length & ~3
  let h = SEED ^ length
  let seen = 0
  for (let i = 0; i < whole; i += 4) {
    const a = text.charCodeAt(i)
    const b = text.charCodeAt(i + 1)
    const c = text.charCodeAt(i + 2)
    const d = text.charCodeAt(i + 3)
    seen |= a | b | c | d
    h = mix(h, a | (b << 8) | (c << 16) | (d << 24))
  }
  let tail = 0
  for (let i = length - 1; i >= whole; i--) {
    const unit = text.charCodeAt(i)
    seen |= unit
    tail = (tail << 8) | unit
  }
  return seen > 0x7f ? undefined : finish(h, tail, length & 3)
}

function mix(hash: number, word: number): number {
  let k = Math.imul(word, M)
  k ^= k >>> 24
  return Math.imul(hash, M) ^ Math.imul(k, M)
}

function finish(hash: number, tail: number, tailLength: number): number {
  let h = tailLength === 0 ? hash : Math.imul(hash ^ tail, M)
  h ^= h >>> 13
  h = Math.imul(h, M)
  return h ^ (h >>> 15)
}
