/** A series of complex numbers, in two halves. */
export interface Complex {
  readonly re: Float64Array
  readonly im: Float64Array
}

/**
 * The discrete Fourier transform in place (radix 2; Cooley and Tukey 1965). The length must be a power of two. `inverse` divides
 * by the length, so that one undoes the other.
 */
export function fft({ re, im }: Complex, inverse = false): void {
  const n = re.length
  reverseBits(re, im)
  const { cos, sin } = twiddles(n)
  for (let size = 2; size <= n; size *= 2) {
    const half = size / 2
    const step = n / size
    for (let start = 0; start < n; start += size) {
      for (let k = 0; k < half; k++) {
        const wr = cos[k * step]!
        const wi = inverse ? -sin[k * step]! : sin[k * step]!
        const a = start + k
        const b = a + half
        const tr = re[b]! * wr - im[b]! * wi
        const ti = re[b]! * wi + im[b]! * wr
        re[b] = re[a]! - tr
        im[b] = im[a]! - ti
        re[a] = re[a]! + tr
        im[a] = im[a]! + ti
      }
    }
  }
  if (!inverse) return
  for (let index = 0; index < n; index++) {
    re[index]! /= n
    im[index]! /= n
  }
}

function reverseBits(re: Float64Array, im: Float64Array): void {
  const n = re.length
  for (let index = 1, reversed = 0; index < n; index++) {
    let bit = n >> 1
    for (; reversed & bit; bit >>= 1) reversed ^= bit
    reversed |= bit
    if (index >= reversed) continue
    ;[re[index], re[reversed]] = [re[reversed]!, re[index]!]
    ;[im[index], im[reversed]] = [im[reversed]!, im[index]!]
  }
}

interface Twiddles {
  readonly cos: Float64Array
  readonly sin: Float64Array
}

/** Roots of unity of the lengths that are in use; a machine's waveforms have one, and there are few of them. */
const KNOWN = new Map<number, Twiddles>()

function twiddles(n: number): Twiddles {
  let known = KNOWN.get(n)
  if (known === undefined) {
    const angle = (k: number) => (-2 * Math.PI * k) / n
    known = {
      cos: Float64Array.from({ length: n / 2 }, (_, k) => Math.cos(angle(k))),
      sin: Float64Array.from({ length: n / 2 }, (_, k) => Math.sin(angle(k))),
    }
    KNOWN.set(n, known)
  }
  return known
}
