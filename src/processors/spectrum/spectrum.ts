import { fft, type Complex } from './fft.ts'

/** Fewest and most samples that a spectrum is made of. */
export const SAMPLES = { min: 64, max: 131_072 } as const

/** The mean squares of a signal by frequency, one-sided; their sum is the mean square of the signal. */
export interface Spectrum {
  readonly power: Float64Array
  /** Hz between two of them. */
  readonly resolution: number
}

/** The longest power of two of a waveform's newest samples, without their mean; undefined: they are too few. */
export function newestSamples(waveform: readonly number[]): Float64Array | undefined {
  if (waveform.length < SAMPLES.min) return undefined
  const length = 2 ** Math.floor(Math.log2(Math.min(waveform.length, SAMPLES.max)))
  const samples = Float64Array.from(waveform.slice(-length))
  const mean = samples.reduce((sum, one) => sum + one, 0) / length
  return samples.map((one) => one - mean)
}

/** The spectrum through a Hann window, corrected for what the window takes away. */
export function spectrumOf(samples: Float64Array, sampleRate: number): Spectrum {
  const n = samples.length
  const window = Float64Array.from({ length: n }, (_, index) => 0.5 - 0.5 * Math.cos((2 * Math.PI * index) / n))
  const series: Complex = { re: samples.map((one, index) => one * window[index]!), im: new Float64Array(n) }
  fft(series)
  // A Hann window leaves 3/8 of the mean square.
  const scale = 1 / (n * n * 0.375)
  const power = Float64Array.from({ length: n / 2 + 1 }, (_, k) => {
    const square = series.re[k]! ** 2 + series.im[k]! ** 2
    return (k === 0 || k === n / 2 ? 1 : 2) * square * scale
  })
  return { power, resolution: sampleRate / n }
}

/** RMS of what lies between two frequencies. */
export function bandRms({ power, resolution }: Spectrum, low: number, high: number): number {
  return Math.sqrt(sumBetween(power, resolution, low, high, (square) => square))
}

/**
 * RMS of the velocity in mm/s between two frequencies, of a spectrum of accelerations in m/s2: each frequency divided by its
 * own 2 pi f (ISO 20816-1 wants 10 to 1,000 Hz).
 */
export function velocityRms({ power, resolution }: Spectrum, low: number, high: number): number {
  const toVelocity = (square: number, hz: number) => square / (2 * Math.PI * hz) ** 2
  return 1000 * Math.sqrt(sumBetween(power, resolution, Math.max(low, resolution), high, toVelocity))
}

/** RMS around a frequency, as wide as a window spreads it and as bearings slip. */
export function lineRms(spectrum: Spectrum, hz: number): number {
  const width = Math.max(2 * spectrum.resolution, SLIP * hz)
  return bandRms(spectrum, hz - width, hz + width)
}

/** Bearings turn up to so much slower than their geometry says. */
const SLIP = 0.02

function sumBetween(
  power: Float64Array,
  resolution: number,
  low: number,
  high: number,
  of: (square: number, hz: number) => number,
): number {
  const first = Math.max(0, Math.ceil(low / resolution))
  const last = Math.min(power.length - 1, Math.floor(high / resolution))
  let sum = 0
  for (let k = first; k <= last; k++) sum += of(power[k]!, k * resolution)
  return sum
}

/**
 * The envelope of what lies between two frequencies: the magnitude of the analytic signal (Hilbert transform by the spectrum),
 * without its mean. A fault of a bearing strikes a resonance, and how often it does so is in the envelope.
 */
export function envelopeOf(samples: Float64Array, sampleRate: number, low: number, high: number): Float64Array {
  const n = samples.length
  const series: Complex = { re: samples.slice(), im: new Float64Array(n) }
  fft(series)
  const resolution = sampleRate / n
  for (let k = 0; k < n; k++) {
    const hz = k * resolution
    const factor = k > 0 && k < n / 2 && hz >= low && hz <= high ? 2 : 0
    series.re[k]! *= factor
    series.im[k]! *= factor
  }
  fft(series, true)
  const envelope = series.re.map((re, index) => Math.hypot(re, series.im[index]!))
  const mean = envelope.reduce((sum, one) => sum + one, 0) / n
  return envelope.map((one) => one - mean)
}

/** What a waveform is like in time. */
export interface Shape {
  readonly rms: number
  readonly peak: number
  /** Peak by RMS: 1.4 of a sine; strikes make it grow. */
  readonly crest: number
  /** Fourth moment: 1.5 of a sine, 3 of noise, more where there are strikes. */
  readonly kurtosis: number
}

export function shapeOf(samples: Float64Array): Shape {
  const n = samples.length
  const square = samples.reduce((sum, one) => sum + one * one, 0) / n
  const fourth = samples.reduce((sum, one) => sum + one ** 4, 0) / n
  const peak = samples.reduce((most, one) => Math.max(most, Math.abs(one)), 0)
  const rms = Math.sqrt(square)
  return { rms, peak, crest: rms === 0 ? 0 : peak / rms, kurtosis: square === 0 ? 0 : fourth / square ** 2 }
}
