import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { assetIntake, orderStep } from '../../component/asset-stage.ts'
import { ELSEWHERE, type Cage } from '../../component/cage.ts'
import { checkTags } from '../../component/known-tags.ts'
import type { CagePlace, ProcessorContext, ProcessorSpec } from '../../component/processor.ts'
import type { Operator, Topology } from '../../component/topology.ts'
import type { Json } from '../../model/json-value.ts'
import { onnxSchema, type OnnxConfig } from './config.ts'
import { onnxOperator } from './operator.ts'
import type { RuntimeSettings } from './runtime-steps.ts'

/** The module that loads onnxruntime. */
const RUNTIME_STEPS = fileURLToPath(new URL('./runtime-steps.ts', import.meta.url))
/** What the library takes, and most models with it, MB. */
const RUNTIME_MEMORY_MB = 512
/** Longest that 500 readings may take, ms. */
const RUNTIME_TIMEOUT_MS = 60_000

/** Models that were trained elsewhere. */
export const onnxSpec: ProcessorSpec<OnnxConfig> = {
  kind: 'onnx',
  summary: 'Runs a model that was trained elsewhere, from an ONNX file, on the tags of each asset',
  config: onnxSchema,
  example: `processors:
  autoencoder:
    onnx:
      on: press-shop/**
      model: bytes:autoencoder.onnx
      inputs:
        - { tag: temperature, mean: 62.1, scale: 4.8 }
        - { tag: pressure, mean: 5.1, scale: 0.2 }
  unusual:
    condition: { of: autoencoder, when: tag("autoencoder.error") > 3.5 for 30s }
`,
  topology: onnxTopology,
  cage: onnxCage,
  check(config, declared) {
    const named = config.inputs.map(({ tag }) => ({ path: ['inputs'], tag }))
    return checkTags(config, named, 'use', declared)
  },
}

/** Dense networks are worked out where everything else is; a model that wants onnxruntime runs in a process of its own. */
function onnxCage(config: OnnxConfig, { name, directory }: CagePlace): Cage | undefined {
  const { network } = config
  if (!(network instanceof Error)) return undefined
  const library = findRuntime(directory)
  if (library === undefined)
    throw new Error(
      `Cannot use the model: ${network.message}; for others onnxruntime is used: run npm install onnxruntime-node beside the config file`,
    )
  const { model, inputs, rows, outputs, output, hold: holdMs, late, onLate } = config
  const told = { library, model: Uint8Array.from(model), output, name, inputs, rows, holdMs, late, onLate }
  const settings: RuntimeSettings = { ...told, ...(outputs && { outputs }) }
  const folder = library.slice(0, library.lastIndexOf('/node_modules/') + '/node_modules'.length)
  return { file: RUNTIME_STEPS, settings, timeoutMs: RUNTIME_TIMEOUT_MS, memoryMb: RUNTIME_MEMORY_MB, library: folder }
}

/** Where `onnxruntime-node` is: beside the config file, or beside us. */
function findRuntime(directory: string): string | undefined {
  for (const from of [join(directory, 'plant.js'), fileURLToPath(import.meta.url)]) {
    try {
      return createRequire(from).resolve('onnxruntime-node')
    } catch {
      // Not there.
    }
  }
  return undefined
}

function onnxTopology(config: OnnxConfig, { name }: ProcessorContext): Topology {
  const { model, inputs, rows, outputs, output, network, hold: holdMs } = config
  const digest = createHash('sha256').update(model).digest('hex')
  const shown: Json = {
    model: digest,
    inputs: inputs.map((input) => ({ ...input })),
    rows,
    holdMs,
    ...(outputs && { outputs }),
    ...(output && { output }),
  }
  const options = { name, inputs, rows, holdMs, ...(outputs && { outputs }) }
  const operator = network instanceof Error ? ELSEWHERE : (onnxOperator({ ...options, network }) as Operator)
  const step = { name: 'onnx', does: 'onnx', with: shown, operator }
  return { name, stages: [{ name: 'onnx', from: assetIntake(config), steps: [orderStep(name, config), step] }] }
}
