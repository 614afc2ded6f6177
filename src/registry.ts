import type { SourceSpec } from './component/source.ts'
import { mqttSpec } from './sources/mqtt/spec.ts'

/** Every kind of source, by name: a literal list, so that what is in the program can be read here. */
export const SOURCES: readonly SourceSpec[] = [mqttSpec]
