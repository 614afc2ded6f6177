import { Quality } from '../../model/quality.ts'

/** How an aggregate came by its value: the low bits of its StatusCode (OPC 10000-4 clause 7.39.1, OPC 10000-13 clause 5.3.3). */
const InfoBits = {
  Calculated: 0x01,
  Interpolated: 0x02,
  Partial: 0x04,
  ExtraData: 0x08,
  MultipleValues: 0x10,
} as const

type InfoBit = keyof typeof InfoBits

/** InfoType DataValue: says that the bits below mean anything. */
const DATA_VALUE = 0x0400

/** The code with these bits set beside those it has. */
export function withInfo(quality: number, ...bits: readonly InfoBit[]): number {
  return bits.reduce((code, bit) => (code | DATA_VALUE | InfoBits[bit]) >>> 0, quality)
}

export function hasInfo(quality: number, bit: InfoBit): boolean {
  return (quality & DATA_VALUE) !== 0 && (quality & InfoBits[bit]) !== 0
}

/** The code as another one, with the same bits. */
export function withCode(quality: number, code: number): number {
  return ((code & 0xffff0000) | (quality & 0xffff)) >>> 0
}

/** Names of the bits that are set, in the order of the standard's tables. */
export function infoNames(quality: number): string[] {
  const order: readonly InfoBit[] = ['Calculated', 'Interpolated', 'Partial', 'ExtraData', 'MultipleValues']
  return order.filter((bit) => hasInfo(quality, bit))
}

export const CALCULATED = withInfo(Quality.Good, 'Calculated')
