/**
 * Quality is the OPC UA StatusCode, a 32-bit unsigned number; 0 is Good (OPC 10000-4 clause 7.39).
 * Only codes that Millrace itself sets or shows by name are listed; every other code is kept and shown as hex.
 */
export const Quality = {
  Good: 0x00000000,
  GoodNoData: 0x00a50000,
  Uncertain: 0x40000000,
  UncertainLastUsableValue: 0x40900000,
  UncertainEngineeringUnitsExceeded: 0x40940000,
  UncertainDataSubNormal: 0x40a40000,
  Bad: 0x80000000,
  BadInternalError: 0x80020000,
  BadOutOfMemory: 0x80030000,
  BadCommunicationError: 0x80050000,
  BadTimeout: 0x800a0000,
  BadShutdown: 0x800c0000,
  BadServerNotConnected: 0x800d0000,
  BadNoCommunication: 0x80310000,
  BadWaitingForInitialData: 0x80320000,
  BadNodeIdInvalid: 0x80330000,
  BadNodeIdUnknown: 0x80340000,
  BadOutOfRange: 0x803c0000,
  BadTypeMismatch: 0x80740000,
  BadConfigurationError: 0x80890000,
  BadNotConnected: 0x808a0000,
  BadDeviceFailure: 0x808b0000,
  BadSensorFailure: 0x808c0000,
  BadOutOfService: 0x808d0000,
  BadNoData: 0x809b0000,
} as const

const NAMES = new Map<number, string>(Object.entries(Quality).map(([name, code]) => [code, name]))

/** The two severity bits: the only part of a code that decides whether a value may be used. */
export type Severity = 'good' | 'uncertain' | 'bad'

export function severity(quality: number): Severity {
  const bits = quality >>> 30
  if (bits === 0) return 'good'
  return bits === 1 ? 'uncertain' : 'bad'
}

/** A code's symbolic name (`BadSensorFailure`), or its hex form where it has none here. */
export function qualityName(quality: number): string {
  // The low 16 bits are info and flag bits; the name is in the high half.
  return NAMES.get((quality & 0xffff0000) >>> 0) ?? `0x${(quality >>> 0).toString(16).padStart(8, '0').toUpperCase()}`
}
