import type { Kinds } from './component/kinds.ts'
import { anomalySpec } from './processors/anomaly/spec.ts'
import { codeSpec } from './processors/code/spec.ts'
import { conditionSpec } from './processors/condition/spec.ts'
import { deadbandSpec } from './processors/deadband/spec.ts'
import { deriveSpec } from './processors/derive/spec.ts'
import { joinSpec } from './processors/join/spec.ts'
import { oeeSpec } from './processors/oee/spec.ts'
import { onnxSpec } from './processors/onnx/spec.ts'
import { remainingLifeSpec } from './processors/remaining-life/spec.ts'
import { sequenceSpec } from './processors/sequence/spec.ts'
import { shareSpec } from './processors/share/spec.ts'
import { spectrumSpec } from './processors/spectrum/spec.ts'
import { stockSpec } from './processors/stock/spec.ts'
import { swarmSpec } from './processors/swarm/spec.ts'
import { windowSpec } from './processors/window/spec.ts'
import { mailSpec } from './sinks/mail/spec.ts'
import { mqttSinkSpec } from './sinks/mqtt/spec.ts'
import { webhookSpec } from './sinks/webhook/spec.ts'
import { httpSpec } from './sources/http/spec.ts'
import { mqttSpec } from './sources/mqtt/spec.ts'
import { opcuaSpec } from './sources/opcua/spec.ts'

/** Every kind of component, by name: literal lists, so that what is in the program can be read here. */
export const KINDS: Kinds = {
  sources: [mqttSpec, opcuaSpec, httpSpec],
  processors: [
    codeSpec,
    conditionSpec,
    anomalySpec,
    onnxSpec,
    windowSpec,
    joinSpec,
    deriveSpec,
    deadbandSpec,
    stockSpec,
    sequenceSpec,
    swarmSpec,
    oeeSpec,
    spectrumSpec,
    remainingLifeSpec,
    shareSpec,
  ],
  sinks: [webhookSpec, mqttSinkSpec, mailSpec],
}
