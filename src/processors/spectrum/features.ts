import { faultFrequencies } from './bearing.ts'
import type { BearingConfig, SpectrumConfig } from './config.ts'
import { bandRms, envelopeOf, lineRms, newestSamples, shapeOf, spectrumOf, velocityRms } from './spectrum.ts'

/** ISO 20816-1: the frequencies of a machine's velocity. */
const VELOCITY_BAND = [10, 1_000] as const

/** Features by name; undefined: too few samples. `speedOf` tells a bearing's speed in rpm, undefined where nobody knows. */
export function featuresOf(
  waveform: readonly number[],
  sampleRate: number,
  config: Pick<SpectrumConfig, 'acceleration' | 'bands' | 'bearings'>,
  speedOf: (bearing: BearingConfig) => number | undefined,
): { readonly [name: string]: number } | undefined {
  const samples = newestSamples(waveform)
  if (samples === undefined) return undefined
  const spectrum = spectrumOf(samples, sampleRate)
  const features: { [name: string]: number } = { ...shapeOf(samples) }
  if (config.acceleration) features['velocityRms'] = velocityRms(spectrum, ...VELOCITY_BAND)
  for (const [name, [low, high]] of Object.entries(config.bands))
    features[`band.${name}`] = bandRms(spectrum, low, high)
  for (const bearing of config.bearings)
    Object.assign(features, bearingFeatures(samples, sampleRate, bearing, speedOf(bearing)))
  return features
}

/** RMS of the envelope at each fault frequency, and what that is of the whole envelope. */
function bearingFeatures(
  samples: Float64Array,
  sampleRate: number,
  bearing: BearingConfig,
  rpm: number | undefined,
): { readonly [name: string]: number } {
  const [low, high] = bearing.resonance
  const prefix = bearing.name === undefined ? '' : `${bearing.name}.`
  const envelope = envelopeOf(samples, sampleRate, low, high)
  const features: { [name: string]: number } = { [`${prefix}envelopeRms`]: shapeOf(envelope).rms }
  if (rpm === undefined || !(rpm > 0)) return features
  const spectrum = spectrumOf(envelope, sampleRate)
  for (const [fault, hz] of Object.entries(faultFrequencies(bearing, rpm / 60))) {
    const at = fault === 'bsf' ? 2 * hz : hz
    features[`${prefix}${fault}`] = lineRms(spectrum, at)
  }
  return features
}
