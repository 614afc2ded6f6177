import { createHash } from 'node:crypto'
import { assetIntake, orderStep } from '../../component/asset-stage.ts'
import { checkTags } from '../../component/known-tags.ts'
import type { ProcessorContext, ProcessorSpec } from '../../component/processor.ts'
import type { Operator, Topology } from '../../component/topology.ts'
import type { Json } from '../../model/json-value.ts'
import { networkOf, onnxSchema, type OnnxConfig } from './config.ts'
import { onnxOperator } from './operator.ts'

/** Dense networks that were trained elsewhere. */
export const onnxSpec: ProcessorSpec<OnnxConfig> = {
  kind: 'onnx',
  summary: 'Runs a dense network that was trained elsewhere, from an ONNX file, on the tags of each asset',
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
  check(config, declared) {
    const named = config.inputs.map(({ tag }) => ({ path: ['inputs'], tag }))
    return checkTags(config, named, 'use', declared)
  },
}

function onnxTopology(config: OnnxConfig, { name }: ProcessorContext): Topology {
  const { model, inputs, rows, outputs, hold: holdMs } = config
  const digest = createHash('sha256').update(model).digest('hex')
  const shown: Json = {
    model: digest,
    inputs: inputs.map((input) => ({ ...input })),
    rows,
    holdMs,
    ...(outputs && { outputs }),
  }
  const operator = onnxOperator({ name, network: networkOf(config), inputs, rows, holdMs, ...(outputs && { outputs }) })
  const step = { name: 'onnx', does: 'onnx', with: shown, operator: operator as Operator }
  return { name, stages: [{ name: 'onnx', from: assetIntake(config), steps: [orderStep(name, config), step] }] }
}
