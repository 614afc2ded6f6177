import { z } from 'zod'
import { assetFields, orderFields } from '../../component/asset-stage.ts'
import { durationField, tagField } from '../../component/fields.ts'
import { BeyondBuiltIn, readGraph } from './graph.ts'
import { compile, type Network } from './network.ts'

const inputField = z
  .union([
    tagField.transform((tag) => ({ tag, mean: 0, scale: 1 })),
    z.strictObject({
      tag: tagField,
      mean: z.number().default(0).describe('Subtracted from the value'),
      scale: z.number().positive().default(1).describe('What is left is divided by it'),
    }),
  ])
  .describe('A tag, or a tag with how it is normalised')

const inputsField = z
  .union([z.string(), z.array(z.unknown())])
  .transform((given, context): unknown => {
    if (typeof given !== 'string') return given
    try {
      return JSON.parse(given)
    } catch {
      context.addIssue({ code: 'custom', message: 'Cannot read inputs: want a list, or file:PATH of one as JSON' })
      return z.NEVER
    }
  })
  .pipe(z.array(inputField).min(1))

/** Numbers that a model is given at once, at most. */
const MOST_INPUTS = 10_000

export const onnxSchema = z
  .strictObject({
    ...assetFields,
    model: z
      .custom<Uint8Array>((given) => given instanceof Uint8Array, {
        message: 'Cannot take a model from the config file itself: write bytes:PATH of an ONNX file',
      })
      .describe('bytes:PATH of an ONNX file'),
    inputs: inputsField.describe(
      'The tags that the model takes, in its order, each a name or {tag, mean, scale}; or file:PATH of that list as JSON',
    ),
    rows: z.int().min(1).max(1_000).default(1).describe('How many rows it takes at once, the oldest first'),
    outputs: z
      .array(tagField)
      .min(1)
      .optional()
      .describe('Names of the numbers it gives; without them it is an autoencoder, and its error is told'),
    output: z.string().min(1).optional().describe('Which output of the model is taken; default: its first'),
    hold: durationField.prefault('60s').describe('Age beyond which the last value of a tag no longer counts'),
    ...orderFields,
  })
  .transform((config, context) => {
    try {
      return { ...config, network: builtIn(config) }
    } catch (error) {
      const message = `Cannot use the model: ${(error as Error).message}`
      context.addIssue({ code: 'custom', path: ['model'], message })
      return z.NEVER
    }
  })
  .describe('Runs a network that was trained elsewhere on the tags of each asset')

export type OnnxConfig = z.output<typeof onnxSchema>

interface NetworkConfig {
  readonly model: Uint8Array
  readonly inputs: readonly unknown[]
  readonly rows: number
  readonly outputs?: readonly string[] | undefined
  readonly output?: string | undefined
}

/**
 * The network of a model, worked out by ourselves; or what of it only onnxruntime can do.
 * @throws Error that says what does not fit
 */
function builtIn(config: NetworkConfig): Network | BeyondBuiltIn {
  try {
    return networkOf(config)
  } catch (error) {
    if (error instanceof BeyondBuiltIn) return error
    throw error
  }
}

function networkOf({ model, inputs, rows, outputs, output }: NetworkConfig): Network {
  const size = inputs.length * rows
  if (size > MOST_INPUTS) throw new Error(`it is given ${size} numbers a row, want at most ${MOST_INPUTS}`)
  const network = compile(readGraph(model), size, output)
  const wanted = outputs?.length ?? size
  if (network.outputSize === wanted) return network
  const why = outputs === undefined ? 'as many as it takes, or "outputs" with their names' : `${wanted} as in "outputs"`
  throw new Error(`it gives ${network.outputSize} numbers, want ${why}`)
}
