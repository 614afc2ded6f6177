import type { ProcessorSpec } from './processor.ts'
import type { SinkSpec } from './sink.ts'
import type { SourceSpec } from './source.ts'

/** Every kind of component that a program has, by what it is. */
export interface Kinds {
  readonly sources: readonly SourceSpec[]
  readonly processors: readonly ProcessorSpec[]
  readonly sinks: readonly SinkSpec[]
}
