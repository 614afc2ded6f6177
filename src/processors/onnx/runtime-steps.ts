import { orderStep } from '../../component/asset-stage.ts'
import type { CagedSteps } from '../../component/user-processor.ts'
import type { Operator } from '../../component/topology.ts'
import { onnxOperator, type OnnxOptions } from './operator.ts'
import { openRuntime, type RuntimeModel } from './runtime.ts'

/** What the process of a model is told. */
export interface RuntimeSettings extends Omit<RuntimeModel, 'size'>, Omit<OnnxOptions, 'network'> {
  readonly late: number
  readonly onLate: 'side' | 'drop'
}

/** The steps of a model that onnxruntime runs: the library is loaded in a process of its own, and nowhere else. */
const steps: CagedSteps<RuntimeSettings> = {
  steps(settings) {
    const { name, inputs, rows, outputs, holdMs, late, onLate } = settings
    const size = inputs.length * rows
    const network = openRuntime({ ...settings, size })
    const wanted = outputs?.length ?? size
    if (network.outputSize !== wanted)
      throw new Error(`Cannot use the model: it gives ${network.outputSize} numbers, want ${wanted}`)
    const operator = onnxOperator({ name, network, inputs, rows, holdMs, ...(outputs && { outputs }) }) as Operator
    return [orderStep(name, { late, onLate }), { name: 'onnx', does: 'onnx', with: null, operator }]
  },
}

export default steps
