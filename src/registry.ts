import type { SourceSpec } from './component/source.ts'
import { httpSpec } from './sources/http/spec.ts'
import { mqttSpec } from './sources/mqtt/spec.ts'
import { opcuaSpec } from './sources/opcua/spec.ts'

/** Every kind of source, by name: a literal list, so that what is in the program can be read here. */
export const SOURCES: readonly SourceSpec[] = [mqttSpec, opcuaSpec, httpSpec]
