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
  return isAscii(key) ? hashAscii(key) : hashBytes(Buffer.from(key))
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false
  return true
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

/** The same without making the bytes first; keys of assets are nearly always ASCII. */
function hashAscii(text: string): number {
  const whole = text.length & ~3
  let h = SEED ^ text.length
  for (let i = 0; i < whole; i += 4) {
    const low = text.charCodeAt(i) | (text.charCodeAt(i + 1) << 8)
    h = mix(h, low | (text.charCodeAt(i + 2) << 16) | (text.charCodeAt(i + 3) << 24))
  }
  let tail = 0
  for (let i = text.length - 1; i >= whole; i--) tail = (tail << 8) | text.charCodeAt(i)
  return finish(h, tail, text.length & 3)
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
