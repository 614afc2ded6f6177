import { keyOf, timeOf, type Fact, type Topology } from '../../component/topology.ts'
import type { NewRecord } from '../../log/log.ts'
import { isTooLarge } from '../records.ts'
import type { Output, StepFault } from './engine.ts'
import { encodeOutput, topicOf, type OutputTopic } from './facts.ts'

/** Latest time that a Date can hold; also far within what a record's timestamp can. */
const LAST_MS = 8.64e15

/** Who derives: what it may say depends on it. */
interface Origin {
  readonly topology: Topology
  /** Number of the stage. */
  readonly stage: number
}

/** What is derived, as records by kind of topic, and what cannot be one. */
interface Outgoing {
  readonly records: ReadonlyMap<OutputTopic, readonly NewRecord[]>
  readonly faults: readonly StepFault[]
}

/**
 * The records of outputs. One that no record can be made of is a fault and nothing else: it would be derived again however
 * often the task began anew. It may come out of a cage, so it may be anything.
 */
export function outgoing(outputs: readonly Output[], origin: Origin): Outgoing {
  const records = new Map<OutputTopic, NewRecord[]>()
  const faults: StepFault[] = []
  for (const output of outputs) {
    try {
      const topic = destinationOf(output.fact, origin)
      const record = checked(encodeOutput(output, origin.topology.name, origin.stage))
      const others = records.get(topic)
      if (others) others.push(record)
      else records.set(topic, [record])
    } catch (error) {
      faults.push({ step: origin.topology.stages[origin.stage]!.name, key: nameOf(output), cause: output.cause, error })
    }
  }
  return { records, faults }
}

/**
 * Kind of topic that a fact goes to.
 * @throws where its processor has none.
 */
function destinationOf(fact: Fact, { topology, stage }: Origin): OutputTopic {
  const topic = topicOf(fact)
  if (topic === 'product' && topology.product === undefined) {
    throw new Error(`Cannot write product of "${topology.name}": it has no topic of its own, want \`product\` declared`)
  }
  if (topic === 'keyed' && (fact.kind !== 'keyed' || stage + 1 >= topology.stages.length)) {
    const kind = fact.kind === 'keyed' ? 'no stage comes after it' : `it is of kind "${fact.kind}"`
    throw new Error(`Cannot write fact of "${topology.name}": ${kind}, want a reading, an event or an alarm`)
  }
  if (!Number.isFinite(timeOf(fact))) {
    throw new RangeError(`Cannot write fact of "${keyOf(fact)}": its time is ${timeOf(fact)}, want ms since the epoch`)
  }
  return topic
}

function checked(record: NewRecord): NewRecord {
  const { key, value, timestamp, headers = [] } = record
  if (typeof key !== 'string' || typeof value !== 'string') {
    throw new TypeError(`Cannot write fact: its key is ${typeof key} and its value ${typeof value}, want texts`)
  }
  if (!headers.every(([, text]) => typeof text === 'string')) {
    throw new TypeError(`Cannot write fact of "${key}": what it says of itself is not text, want texts`)
  }
  if (!(timestamp >= 0 && timestamp <= LAST_MS)) {
    throw new RangeError(`Cannot write fact of "${key}": its received time is ${timestamp}, want ms since the epoch`)
  }
  if (isTooLarge(key, value)) {
    const size = Buffer.byteLength(key) + Buffer.byteLength(value)
    throw new RangeError(`Cannot write fact of "${key}": it has ${size} bytes, want at most 1 MiB`)
  }
  return record
}

/** The key of a fact for people, whatever it is. */
function nameOf({ fact }: Output): string {
  try {
    return keyOf(fact)
  } catch {
    return ''
  }
}
