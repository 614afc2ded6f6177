import type { Address } from '../../system/net.ts'
import { LogError } from '../log.ts'
import type { Reader } from '../wire/reader.ts'
import { API } from './messages.ts'
import type { Api } from './messages.ts'

/** ApiVersions in the form that every broker answers, however old or new (KIP-35, KIP-511). */
export const API_VERSIONS = { key: 18, version: 0 } as const

/** What a broker speaks: by API key, the versions from `min` to `max`. */
export type Spoken = ReadonlyMap<number, { readonly min: number; readonly max: number }>

export function readApiVersions(from: Reader): { readonly error: number; readonly spoken: Spoken } {
  const error = from.int16()
  const ranges = from.array(() => [from.int16(), { min: from.int16(), max: from.int16() }] as const)
  return { error, spoken: new Map(ranges) }
}

/** Why a request cannot be made of this broker; undefined where it can. */
export function versionFault(spoken: Spoken, { key, version }: Api, at: Address): LogError | undefined {
  const range = spoken.get(key)
  if (range && version >= range.min && version <= range.max) return undefined
  const name = Object.entries(API).find(([, api]) => api.key === key)?.[0] ?? `api ${key}`
  const there = range ? `it speaks versions ${range.min} to ${range.max} of ${name}` : `it does not speak ${name}`
  const message = `Cannot use the log at "${at.host}:${at.port}": ${there}, want version ${version}`
  return new LogError('LOG_VERSION', message, { retriable: false })
}
