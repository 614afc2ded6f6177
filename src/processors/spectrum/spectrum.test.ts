import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import { seededRandom } from '../../system/random.ts'
import { TopologyDriver } from '../../testing.ts'
import { faultFrequencies } from './bearing.ts'
import { fft } from './fft.ts'
import { spectrumSpec } from './spec.ts'
import { bandRms, newestSamples, shapeOf, spectrumOf, velocityRms } from './spectrum.ts'

const RATE = 25_600

function near(actual: number | undefined, expected: number, share = 0.01): void {
  assert.ok(Math.abs(actual! - expected) <= share * Math.abs(expected), `it is ${actual}, want ${expected}`)
}

function wave(length: number, at: (seconds: number) => number): number[] {
  return Array.from({ length }, (_, index) => at(index / RATE))
}

test('the transform is that of the definition, and comes back', () => {
  const random = seededRandom(5)
  for (const n of [1, 2, 4, 8, 64, 256]) {
    const re = Float64Array.from({ length: n }, () => random.next() - 0.5)
    const im = Float64Array.from({ length: n }, () => random.next() - 0.5)
    const series = { re: re.slice(), im: im.slice() }
    fft(series)
    for (let k = 0; k < n; k++) {
      let sumRe = 0
      let sumIm = 0
      for (let t = 0; t < n; t++) {
        const angle = (-2 * Math.PI * k * t) / n
        sumRe += re[t]! * Math.cos(angle) - im[t]! * Math.sin(angle)
        sumIm += re[t]! * Math.sin(angle) + im[t]! * Math.cos(angle)
      }
      assert.ok(Math.hypot(series.re[k]! - sumRe, series.im[k]! - sumIm) < 1e-11)
    }
    fft(series, true)
    for (let t = 0; t < n; t++) assert.ok(Math.hypot(series.re[t]! - re[t]!, series.im[t]! - im[t]!) < 1e-14)
  }
})

test('the RMS of a band is that of the sines in it', () => {
  const samples = newestSamples(
    wave(8_192, (t) => 3 + 2 * Math.sin(2 * Math.PI * 100 * t) + Math.sin(2 * Math.PI * 1_234.5 * t)),
  )!
  const spectrum = spectrumOf(samples, RATE)
  near(bandRms(spectrum, 50, 150), 2 / Math.SQRT2)
  near(bandRms(spectrum, 1_000, 1_500), 1 / Math.SQRT2)
  near(bandRms(spectrum, 0, RATE / 2), Math.sqrt(2.5))
  assert.ok(bandRms(spectrum, 300, 900) < 0.01)
})

test('noise has the same RMS in time and in frequency', () => {
  const random = seededRandom(9)
  const samples = newestSamples(wave(65_536, () => random.next() - 0.5))!
  near(bandRms(spectrumOf(samples, RATE), 0, RATE / 2), shapeOf(samples).rms, 0.02)
})

test('an acceleration of 1 m/s2 at 100 Hz is a velocity of 1.125 mm/s', () => {
  const samples = newestSamples(wave(16_384, (t) => Math.SQRT2 * Math.sin(2 * Math.PI * 100 * t)))!
  near(velocityRms(spectrumOf(samples, RATE), 10, 1_000), 1000 / (2 * Math.PI * 100))
})

test('the shape of a sine, and of strikes', () => {
  const sine = shapeOf(newestSamples(wave(8_192, (t) => Math.sin(2 * Math.PI * 100 * t)))!)
  near(sine.crest, Math.SQRT2)
  near(sine.kurtosis, 1.5)
  const strikes = shapeOf(newestSamples(Array.from({ length: 8_192 }, (_, index) => (index % 512 === 0 ? 1 : 0)))!)
  assert.ok(strikes.kurtosis > 100 && strikes.crest > 10)
})

test('fault frequencies of a bearing 6205-2RS as they are published', () => {
  // Case Western Reserve University, Bearing Data Center: multiples of the speed of the shaft.
  const { bpfo, bpfi, bsf, ftf } = faultFrequencies(
    { balls: 9, ballDiameter: 0.3126, pitchDiameter: 1.537, contactAngle: 0 },
    1,
  )
  near(bpfo, 3.5848, 1e-3)
  near(bpfi, 5.4152, 1e-3)
  near(2 * bsf, 4.7135, 1e-3)
  near(ftf, 0.39828, 1e-3)
})

const YAML = `
tag: acceleration
sampleRate: ${RATE}
acceleration: true
bands: { low: [0, 500], high: [2000, 4000] }
bearings:
  - { balls: 9, ballDiameter: 7.94, pitchDiameter: 39.04, speed: rpm, resonance: [2000, 4000] }
`

function driver(yaml = YAML): TopologyDriver {
  const config = spectrumSpec.config.parse(parse(yaml))
  return new TopologyDriver(spectrumSpec.topology(config, { name: 'spectrum', site: 'acme/berlin' }))
}

function send(to: TopologyDriver, values: { readonly [tag: string]: number | readonly number[] }, time = 1_000) {
  const reading = { asset: 'acme/berlin/paint/fan1', sourceTime: time, receivedTime: time + 5, values }
  return to
    .send({ kind: 'reading', reading })
    .map(({ fact }) => (fact.kind === 'reading' ? fact.reading : assert.fail()))
}

/** A machine at 1,800 rpm with noise, whose bearing strikes so often a second and rings at 3 kHz. */
function striking(hz: number): number[] {
  const random = seededRandom(3)
  return wave(32_768, (t) => {
    const since = hz === 0 ? Infinity : t % (1 / hz)
    const ring = Math.exp(-since * 1_500) * Math.sin(2 * Math.PI * 3_000 * since) * 4
    return Math.sin(2 * Math.PI * 30 * t) + 0.3 * (random.next() - 0.5) + (Number.isNaN(ring) ? 0 : ring)
  })
}

test('a fault of a bearing is found by how often it strikes', () => {
  const speed = 1_800 / 60
  const frequencies = faultFrequencies({ balls: 9, ballDiameter: 7.94, pitchDiameter: 39.04, contactAngle: 0 }, speed)
  const found = (hz: number) => {
    const [reading] = send(driver(), { rpm: 1_800, acceleration: striking(hz) })
    return reading!.values as { readonly [tag: string]: number }
  }
  const sound = found(0)
  for (const fault of ['bpfo', 'bpfi'] as const) {
    const values = found(frequencies[fault])
    const other = fault === 'bpfo' ? 'bpfi' : 'bpfo'
    assert.ok(values[`acceleration.${fault}`]! > 10 * values[`acceleration.${other}`]!, fault)
    assert.ok(values[`acceleration.${fault}`]! > 20 * sound[`acceleration.${fault}`]!, fault)
  }
})

test('features are tags of the machine, at the time of the waveform', () => {
  const to = driver()
  assert.deepEqual(send(to, { rpm: 1_800 }), [])
  const [reading] = send(to, { acceleration: striking(100) }, 2_000)
  assert.deepEqual(
    [reading?.asset, reading?.sourceTime, reading?.receivedTime],
    ['acme/berlin/paint/fan1', 2_000, 2_005],
  )
  assert.deepEqual(
    Object.keys(reading!.values),
    [
      'rms',
      'peak',
      'crest',
      'kurtosis',
      'velocityRms',
      'band.low',
      'band.high',
      'envelopeRms',
      'bpfo',
      'bpfi',
      'bsf',
      'ftf',
    ].map((name) => `acceleration.${name}`),
  )
  const saved = to.changes()
  to.restore(JSON.parse(JSON.stringify(saved)) as typeof saved)
  const [again] = send(to, { acceleration: striking(100) }, 3_000)
  assert.deepEqual(again?.values, reading?.values)
})

test('what is no waveform gives nothing, and a bearing without a speed gives what it can', () => {
  const to = driver()
  assert.deepEqual(send(to, { acceleration: 5 }), [])
  assert.deepEqual(send(to, { acceleration: [1, 2, 3] }), [])
  const [reading] = send(to, { acceleration: striking(0) })
  assert.ok('acceleration.envelopeRms' in reading!.values && !('acceleration.bpfo' in reading!.values))
})
