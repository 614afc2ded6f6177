import { putOwn } from '../../component/mapping/value.ts'
import { Quality, severity } from '../../model/quality.ts'
import type { Value } from '../../model/reading.ts'

/** Numbers of the built-in types (OPC 10000-6 5.1.2) that this folder tells apart. */
export const BuiltIn = {
  Boolean: 1,
  SByte: 2,
  Byte: 3,
  Int16: 4,
  UInt16: 5,
  Int32: 6,
  UInt32: 7,
  Int64: 8,
  UInt64: 9,
  Float: 10,
  Double: 11,
  String: 12,
  DateTime: 13,
  Guid: 14,
  ByteString: 15,
  XmlElement: 16,
  QualifiedName: 20,
  LocalizedText: 21,
  ExtensionObject: 22,
  DataValue: 23,
  Variant: 24,
} as const

/** Deepest nesting of a value: what a record of the log holds. A rogue server can nest variants without end. */
const DEEPEST = 60

/** A variant as the library decodes it; `arrayType` 0 is a scalar, 1 an array, 2 a matrix with `dimensions`. */
interface VariantLike {
  readonly dataType: number
  readonly arrayType: number
  readonly value: unknown
  readonly dimensions?: readonly number[] | null
}

/** A data value as the library decodes it; picoseconds count within the millisecond of their time. */
export interface DataValueLike {
  readonly value?: VariantLike | null
  readonly statusCode?: { readonly value: number } | null
  readonly sourceTimestamp?: Date | null
  readonly sourcePicoseconds?: number
  readonly serverTimestamp?: Date | null
  readonly serverPicoseconds?: number
}

export interface Converted {
  readonly value: Value | null
  /** The StatusCode exactly as it came, info bits included; another only where there is no value and it came as Good. */
  readonly quality: number
}

/**
 * A data value as the value and quality of a tag. Int64 and UInt64 are bigints, byte strings bytes, times ISO texts,
 * enumerations numbers, localized texts their text, structures JSON-safe structures, matrices nested arrays. NaN and
 * infinities are no value (BadOutOfRange); inside arrays and structures they are the texts of OPC 10000-6 5.4.2.4.
 */
export function convert(data: DataValueLike): Converted {
  const quality = (data.statusCode?.value ?? 0) >>> 0
  const { value, absent } = fromVariant(data.value)
  if (value !== null || severity(quality) === 'bad') return { value, quality }
  return { value, quality: quality === Quality.Good || absent === Quality.BadOutOfRange ? absent : quality }
}

/** Milliseconds since the epoch of a time and its picoseconds, cut to the microsecond. */
export function toTime(time: Date | null | undefined, picoseconds: number | undefined): number | undefined {
  if (!time) return undefined
  const ms = time.getTime()
  return Number.isFinite(ms) ? ms + Math.floor((picoseconds ?? 0) / 1e6) / 1000 : undefined
}

function fromVariant(variant: VariantLike | null | undefined): { value: Value | null; absent: number } {
  const given = variant?.value
  if (!variant || given === null || given === undefined) return { value: null, absent: Quality.BadNoData }
  if (variant.arrayType === 0) {
    if (typeof given === 'number' && !Number.isFinite(given)) return { value: null, absent: Quality.BadOutOfRange }
    return { value: scalar(given, variant.dataType), absent: Quality.BadNoData }
  }
  return { value: nestedArray(variant, 0), absent: Quality.BadNoData }
}

function scalar(given: unknown, type: number): Value | null {
  switch (type) {
    case BuiltIn.Int64:
      return int64(given, true)
    case BuiltIn.UInt64:
      return int64(given, false)
    case BuiltIn.ByteString:
      return given instanceof Uint8Array ? new Uint8Array(given) : null
    default:
      return nested(given, type, 0)
  }
}

function nestedArray(variant: VariantLike, depth: number): Value {
  // Numbers come as typed arrays, int64 as arrays of [high, low].
  const elements = Array.from(variant.value as ArrayLike<unknown>, (element) =>
    inArray(element, variant.dataType, depth),
  )
  const dimensions = variant.arrayType === 2 ? (variant.dimensions ?? []) : []
  const product = dimensions.reduce((size, dimension) => size * dimension, 1)
  return dimensions.length > 1 && product === elements.length ? fold(elements, dimensions) : elements
}

function fold(elements: readonly Value[], dimensions: readonly number[]): Value[] {
  if (dimensions.length <= 1) return [...elements]
  const rest = dimensions.slice(1)
  const size = rest.reduce((product, dimension) => product * dimension, 1)
  return Array.from({ length: dimensions[0]! }, (_, row) => fold(elements.slice(row * size, (row + 1) * size), rest))
}

/** An element of an array; there is no null in one, so what is absent is an empty text. */
function inArray(given: unknown, type: number, depth: number): Value {
  return nested(given, type, depth + 1) ?? ''
}

/** A value inside an array or structure, or a scalar that is the same there. */
function nested(given: unknown, type: number, depth: number): Value | null {
  if (given === null || given === undefined || depth > DEEPEST) return null
  switch (type) {
    case BuiltIn.Int64:
    case BuiltIn.UInt64:
      return narrow(int64(given, type === BuiltIn.Int64))
    case BuiltIn.Float:
    case BuiltIn.Double:
      return number(given as number)
    case BuiltIn.DateTime:
      return dateText(given)
    case BuiltIn.ByteString:
      return given instanceof Uint8Array ? Buffer.from(given).toString('base64') : null
    case BuiltIn.QualifiedName:
      return text((given as { name?: unknown }).name)
    case BuiltIn.LocalizedText:
      return text((given as { text?: unknown }).text)
    case BuiltIn.DataValue:
      return dataValue(given, depth)
    case BuiltIn.Variant:
      return innerVariant(given as VariantLike, depth)
    default:
      return anything(given, depth)
  }
}

function innerVariant(variant: VariantLike, depth: number): Value | null {
  if (variant.value === null || variant.value === undefined) return null
  return variant.arrayType === 0 ? nested(variant.value, variant.dataType, depth + 1) : nestedArray(variant, depth + 1)
}

function dataValue(data: DataValueLike, depth: number): Value {
  const sourceTime = data.sourceTimestamp ? dateText(data.sourceTimestamp) : null
  return {
    value: data.value ? innerVariant(data.value, depth + 1) : null,
    status: (data.statusCode?.value ?? 0) >>> 0,
    ...(sourceTime === null ? {} : { sourceTime }),
  }
}

/** What has no conversion by its type: booleans, numbers, texts, guids, status codes, node ids and structures. */
function anything(given: unknown, depth: number): Value | null {
  switch (typeof given) {
    case 'boolean':
    case 'bigint':
      return given
    case 'number':
      return number(given)
    case 'string':
      return given.toWellFormed()
    case 'object':
      return given === null ? null : object(given, depth)
    default:
      return null
  }
}

function object(given: object, depth: number): Value | null {
  if (depth > DEEPEST) return null
  if (given instanceof Date) return dateText(given)
  if (given instanceof Uint8Array) return Buffer.from(given).toString('base64')
  if (Array.isArray(given) || ArrayBuffer.isView(given)) {
    return Array.from(given as unknown as ArrayLike<unknown>, (element) => anything(element, depth + 1) ?? '')
  }
  const named = given as {
    schema?: StructureSchema
    buffer?: unknown
    nodeId?: unknown
    identifierType?: unknown
    value?: unknown
    name?: unknown
  }
  if (named.schema !== undefined) return structure(given as { [field: string]: unknown }, named.schema, depth)
  // A structure whose type the server does not describe: its encoding's id and its bytes.
  if (named.buffer instanceof Uint8Array) {
    return { encoding: String(named.nodeId), body: Buffer.from(named.buffer).toString('base64') }
  }
  if (named.identifierType !== undefined) return (given as { toString(): string }).toString()
  if (isStatusCode(named)) return named.value >>> 0
  return plainObject(given as { [field: string]: unknown }, depth)
}

interface StructureSchema {
  readonly fields?: readonly StructureField[]
  getBaseSchema?(): StructureSchema | null
}

interface StructureField {
  readonly name: string
  readonly fieldType: string
  readonly isArray?: boolean
}

function structure(given: { [field: string]: unknown }, schema: StructureSchema, depth: number): Value {
  const out: { [name: string]: Value | null } = {}
  for (let level: StructureSchema | null | undefined = schema; level; level = level.getBaseSchema?.()) {
    for (const field of level.fields ?? []) putOwn(out, field.name, fieldValue(given[field.name], field, depth))
  }
  return out
}

function fieldValue(given: unknown, field: StructureField, depth: number): Value | null {
  if (given === null || given === undefined) return null
  const type = BuiltIn[field.fieldType as keyof typeof BuiltIn] ?? 0
  if (field.isArray !== true) return nested(given, type, depth + 1)
  return Array.from(given as ArrayLike<unknown>, (element) => inArray(element, type, depth + 1))
}

function plainObject(given: { [field: string]: unknown }, depth: number): Value {
  const out: { [name: string]: Value | null } = {}
  for (const name of Object.keys(given)) putOwn(out, name, anything(given[name], depth + 1))
  return out
}

function isStatusCode(given: { value?: unknown; name?: unknown }): given is { value: number } {
  return typeof given.value === 'number' && typeof given.name === 'string'
}

function int64(given: unknown, signed: boolean): bigint | null {
  if (typeof given === 'bigint') return given
  if (typeof given === 'number') return BigInt(Math.trunc(given))
  if (!Array.isArray(given)) return null
  const [high, low] = given as [number, number]
  const bits = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
  return signed ? BigInt.asIntN(64, bits) : bits
}

/** Inside arrays and structures an integer is a bigint exactly when it is beyond 2^53. */
function narrow(given: bigint | null): Value | null {
  if (given === null) return null
  const asNumber = Number(given)
  return Number.isSafeInteger(asNumber) ? asNumber : given
}

function number(given: number): number | string {
  return Number.isFinite(given) ? given : String(given)
}

function text(given: unknown): string | null {
  return typeof given === 'string' ? given.toWellFormed() : null
}

function dateText(given: unknown): string | null {
  return given instanceof Date && Number.isFinite(given.getTime()) ? given.toISOString() : null
}
