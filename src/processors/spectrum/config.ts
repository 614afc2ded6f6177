import { z } from 'zod'
import { numberField } from '../../component/expression/when.ts'
import { SAMPLES } from './spectrum.ts'

const bandField = z
  .tuple([z.number().min(0), z.number().positive()])
  .refine(([low, high]) => low < high, { message: 'want [low, high] in Hz with low below high' })

const bearingField = z
  .strictObject({
    balls: z.number().int().min(3).max(500),
    ballDiameter: z.number().positive(),
    pitchDiameter: z.number().positive().describe('In the same unit as ballDiameter'),
    contactAngle: z.number().min(0).max(89).default(0).describe('Degrees'),
    speed: numberField.describe('Speed of the shaft in rpm: a number, a tag, or an expression'),
    resonance: bandField.describe('[low, high] in Hz of the resonance that faults strike; its envelope is looked at'),
    name: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,40}$/, 'want letters, digits, "_", "-"')
      .optional()
      .describe('Part of the tags, where there are several bearings'),
  })
  .refine(({ ballDiameter, pitchDiameter }) => ballDiameter < pitchDiameter, {
    message: 'Cannot be a bearing: want ballDiameter less than pitchDiameter',
  })

/** What is worked out from the waveforms of a tag. */
export const spectrumSchema = z
  .strictObject({
    on: z
      .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
      .transform((given): readonly string[] => (typeof given === 'string' ? [given] : given))
      .optional()
      .describe('Patterns of assets below the site; default: all'),
    tag: z.string().min(1).describe(`Tag whose values are waveforms: arrays of ${SAMPLES.min} numbers or more`),
    sampleRate: numberField.describe('Samples a second: a number, a tag, or an expression'),
    acceleration: z
      .boolean()
      .default(false)
      .describe('The waveform is an acceleration in m/s2: velocityRms (10 to 1000 Hz, mm/s) is worked out too'),
    bands: z
      .record(z.string().regex(/^[A-Za-z0-9_-]{1,40}$/, 'want letters, digits, "_", "-"'), bandField)
      .default({})
      .describe('RMS of each of these bands of frequencies, [low, high] in Hz'),
    bearings: z.array(bearingField).max(8).default([]).describe('Bearings whose fault frequencies are looked for'),
  })
  .describe('Features of vibration waveforms')

export type SpectrumConfig = z.output<typeof spectrumSchema>
export type BearingConfig = SpectrumConfig['bearings'][number]
