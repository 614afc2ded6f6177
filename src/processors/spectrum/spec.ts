import { numberOf } from '../../component/expression/when.ts'
import type { ProcessorSpec } from '../../component/processor.ts'
import type { Operator } from '../../component/topology.ts'
import { severity } from '../../model/quality.ts'
import { qualityOf, type Reading, type Value } from '../../model/reading.ts'
import { parseValue, valueJson, type ValueJson } from '../../model/value-json.ts'
import { spectrumSchema, type SpectrumConfig } from './config.ts'
import { featuresOf } from './features.ts'

/** Works out of waveforms what conditions can look at. */
export const spectrumSpec: ProcessorSpec<SpectrumConfig> = {
  kind: 'spectrum',
  summary: 'Features of vibration waveforms: RMS, bands of frequencies, velocity, fault frequencies of bearings',
  config: spectrumSchema,
  example: `processors:
  fan-spectrum:
    spectrum:
      on: "paint/fan*"
      tag: acceleration
      sampleRate: 25600
      acceleration: true
      bearings:
        - { balls: 9, ballDiameter: 7.94, pitchDiameter: 39.04, speed: rpm, resonance: [2000, 4000] }
`,
  topology(config, { name }) {
    const { on, tag } = config
    return {
      name,
      stages: [
        {
          name: 'spectrum',
          from: [{ topic: 'telemetry', ...(on && { on }) }],
          steps: [{ name: 'spectrum', does: 'spectrum', with: { tag }, operator: spectrumOperator(config) }],
        },
      ],
    }
  },
}

/** The newest usable value of each tag that speeds and rates are worked out from. */
type Known = Map<string, Value>

function spectrumOperator(config: SpectrumConfig): Operator<Known> {
  const { tag, sampleRate, bearings } = config
  const tags = [...new Set([sampleRate, ...bearings.map(({ speed }) => speed)].flatMap((one) => one.tags))]
  return {
    create: () => new Map(),
    take(known, fact, context) {
      if (fact.kind !== 'reading') return
      const { reading } = fact
      for (const name of tags) {
        const value = usable(reading, name)
        if (value !== undefined) known.set(name, value)
        else if (Object.hasOwn(reading.values, name)) known.delete(name)
      }
      const waveform = usable(reading, tag)
      const rate = numberOf(sampleRate, known)
      if (!isWaveform(waveform) || rate === undefined || !(rate > 0)) return
      const features = featuresOf(waveform, rate, config, ({ speed }) => numberOf(speed, known))
      if (features === undefined) return
      const values = Object.fromEntries(Object.entries(features).map(([name, value]) => [`${tag}.${name}`, value]))
      const { asset, sourceTime } = reading
      context.emit({ kind: 'reading', reading: { asset, sourceTime, receivedTime: context.received, values } })
    },
    save: (known) =>
      [...known].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => [name, valueJson(value) as string]),
    restore(json) {
      const pairs = json as readonly (readonly [string, ValueJson])[]
      return new Map(pairs.map(([name, value]) => [name, parseValue(value)!]))
    },
    isIdle: (known) => known.size === 0,
  }
}

function usable(reading: Reading, tag: string): Value | undefined {
  if (!Object.hasOwn(reading.values, tag) || severity(qualityOf(reading, tag)) === 'bad') return undefined
  return reading.values[tag] ?? undefined
}

function isWaveform(value: Value | undefined): value is readonly number[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'number' && Number.isFinite(one))
}
