import type { VariantOptions } from 'node-opcua-client'
import { refused, type NotAccepted } from '../../component/command-answer.ts'
import type { Value } from '../../model/reading.ts'
import type { Library } from './library.ts'
import { BuiltIn, convert } from './values.ts'

/** What a variable or an argument takes. */
export interface WireType {
  /** Number of the built-in type (OPC 10000-6 5.1.2). */
  readonly dataType: number
  /** OPC 10000-3 5.6.2: -1 a scalar, 1 and more an array of so many dimensions, -2 any, -3 a scalar or an array, 0 an array. */
  readonly rank: number
}

/** A value on its way, and as the machine will have it: a Float keeps 71.3 as 71.30000305. */
export interface Encoded {
  readonly kind: 'encoded'
  readonly variant: VariantOptions
  readonly written: Value | null
}

/** Lowest and highest integer of each type; what a double cannot hold exactly are bigints. */
const INTEGERS: { readonly [type: number]: readonly [low: bigint, high: bigint] } = {
  [BuiltIn.SByte]: [-(2n ** 7n), 2n ** 7n - 1n],
  [BuiltIn.Byte]: [0n, 2n ** 8n - 1n],
  [BuiltIn.Int16]: [-(2n ** 15n), 2n ** 15n - 1n],
  [BuiltIn.UInt16]: [0n, 2n ** 16n - 1n],
  [BuiltIn.Int32]: [-(2n ** 31n), 2n ** 31n - 1n],
  [BuiltIn.UInt32]: [0n, 2n ** 32n - 1n],
  [BuiltIn.Int64]: [-(2n ** 63n), 2n ** 63n - 1n],
  [BuiltIn.UInt64]: [0n, 2n ** 64n - 1n],
}

/** The range of a DateTime (OPC 10000-6 5.2.2.5). */
const YEARS = { first: Date.UTC(1601, 0, 1), last: Date.UTC(9999, 11, 31, 23, 59, 59) } as const

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * A value in the type that a variable or an argument takes. Nothing is rounded but to the nearest Float, and nothing is
 * made of another kind: a text is no number, 1 is not true.
 */
export function variantOf(value: Value, type: WireType, library: Library): Encoded | NotAccepted {
  try {
    const variant = encode(value, type, library)
    return { kind: 'encoded', variant, written: convert({ value: variant }).value }
  } catch (error) {
    if (error instanceof Unfit) return refused(error.code, error.message)
    throw error
  }
}

/** A value that a type does not take. */
class Unfit extends Error {
  readonly code: 'BadTypeMismatch' | 'BadOutOfRange'

  constructor(code: Unfit['code'], message: string) {
    super(message)
    this.code = code
  }
}

interface WireVariant {
  readonly dataType: number
  readonly arrayType: number
  readonly value: unknown
  readonly dimensions?: number[]
}

function encode(value: Value, { dataType, rank }: WireType, library: Library): WireVariant {
  const sizes = sizesOf(value)
  if (!fits(rank, sizes.length)) {
    const given = sizes.length === 0 ? 'a single value' : `an array of ${sizes.length} dimensions`
    throw new Unfit('BadTypeMismatch', `Cannot write ${show(value)}: it is ${given}, want ${rankText(rank)}`)
  }
  const put = (element: unknown) => scalar(element as Value, dataType, library)
  if (sizes.length === 0) return { dataType, arrayType: 0, value: put(value) }
  const elements = flat(value as readonly unknown[], sizes.length).map(put)
  if (sizes.length === 1) return { dataType, arrayType: 1, value: elements }
  return { dataType, arrayType: 2, value: elements, dimensions: sizes }
}

function flat(rows: readonly unknown[], dimensions: number): readonly unknown[] {
  return dimensions === 1 ? rows : rows.flatMap((row) => flat(row as readonly unknown[], dimensions - 1))
}

/** Sizes of a nested array, outermost first; none of a scalar. All parts of a dimension must have one size. */
function sizesOf(value: unknown): number[] {
  if (!Array.isArray(value)) return []
  const inner = value.map(sizesOf)
  const first = inner[0] ?? []
  if (inner.some((sizes) => String(sizes) !== String(first))) {
    throw new Unfit('BadTypeMismatch', 'Cannot write the array: its rows differ in length, want a rectangle')
  }
  return [value.length, ...first]
}

function fits(rank: number, dimensions: number): boolean {
  if (rank === -2) return true
  if (rank === -3) return dimensions <= 1
  if (rank === 0) return dimensions >= 1
  return dimensions === Math.max(0, rank)
}

function rankText(rank: number): string {
  if (rank === -3) return 'one value or an array'
  if (rank === -1) return 'a single value'
  return rank === 0 ? 'an array' : `an array of ${rank} ${rank === 1 ? 'dimension' : 'dimensions'}`
}

function scalar(value: Value, dataType: number, library: Library): unknown {
  const range = INTEGERS[dataType]
  if (range !== undefined) return integer(value, dataType, range, library)
  switch (dataType) {
    case BuiltIn.Boolean:
      return typeof value === 'boolean' ? value : mismatch(value, 'true or false')
    case BuiltIn.Float:
      return float(number(value))
    case BuiltIn.Double:
      return number(value)
    case BuiltIn.String:
    case BuiltIn.XmlElement:
      return text(value)
    case BuiltIn.LocalizedText:
      return library.coerceLocalizedText(text(value))
    case BuiltIn.DateTime:
      return date(value)
    case BuiltIn.Guid:
      return GUID.test(text(value)) ? value : mismatch(value, 'a GUID')
    case BuiltIn.ByteString:
      return value instanceof Uint8Array ? Buffer.from(value) : mismatch(value, 'bytes')
    default:
      return mismatch(value, `a type that can be written, not ${library.DataType[dataType] ?? dataType}`)
  }
}

function integer(value: Value, dataType: number, [low, high]: readonly [bigint, bigint], library: Library): unknown {
  const whole = typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value))
  if (!whole) mismatch(value, 'an integer')
  const exact = BigInt(value)
  if (exact < low || exact > high) {
    const name = library.DataType[dataType]
    throw new Unfit('BadOutOfRange', `Cannot write ${show(value)}: want ${low} to ${high}, for it is of type ${name}`)
  }
  if (dataType !== BuiltIn.Int64 && dataType !== BuiltIn.UInt64) return Number(exact)
  const bits = BigInt.asUintN(64, exact)
  return [Number(bits >> 32n), Number(bits & 0xffffffffn)]
}

function number(value: Value): number {
  if (typeof value === 'number') return value
  if (typeof value !== 'bigint') return mismatch(value, 'a number')
  return BigInt(Number(value)) === value ? Number(value) : mismatch(value, 'a number that a Double holds exactly')
}

function float(value: number): number {
  const nearest = Math.fround(value)
  if (Number.isFinite(nearest)) return nearest
  throw new Unfit('BadOutOfRange', `Cannot write ${value}: it is beyond what a Float can hold`)
}

function text(value: Value): string {
  return typeof value === 'string' ? value : mismatch(value, 'a text')
}

function date(value: Value): Date {
  const ms = typeof value === 'string' && /^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$/.test(value) ? Date.parse(value) : NaN
  if (Number.isNaN(ms)) mismatch(value, 'a time such as "2026-01-02T03:04:05.678Z"')
  if (ms >= YEARS.first && ms <= YEARS.last) return new Date(ms)
  throw new Unfit('BadOutOfRange', `Cannot write ${show(value)}: want a time from 1601 to 9999`)
}

function mismatch(value: Value, want: string): never {
  throw new Unfit('BadTypeMismatch', `Cannot write ${show(value)}: want ${want}`)
}

function show(value: Value): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80))
  if (typeof value === 'object') return Array.isArray(value) ? 'the array' : 'the value'
  return String(value)
}
