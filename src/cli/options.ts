import { InvalidArgumentError, Option } from 'commander'
import type { StartAt } from '../attach.ts'
import { systemClock } from '../system/clock.ts'
import { parseDuration } from '../system/duration.ts'
import { parseAddress, type Address } from '../system/net.ts'
import type { LogLevel } from '../system/logger.ts'

/** Options that several commands take, spelt the same everywhere. */

export const jsonOption = () => new Option('--json', 'answer in JSON, for machines')

export const dataOption = () =>
  new Option('--data <dir>', 'directory of the log and the views').default('./millrace-data')

/** For commands beside a hub: where its log is, and how to log in there. */
export const configOption = () =>
  new Option('--config <file>', 'config of the plant; needed where its log asks who is there')

export const logLevelOption = () =>
  new Option('--log-level <level>', 'how much the hub says').choices(['debug', 'info', 'warn', 'error']).default('info')

export const logFormatOption = () =>
  new Option('--log-format <format>', 'text for people, json for machines').choices(['text', 'json']).default('text')

export interface LogOptions {
  readonly logLevel: LogLevel
  readonly logFormat: 'text' | 'json'
}

export function port(text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value <= 65535) return value
  throw new InvalidArgumentError('Want a port, 0 to 65535.')
}

export function count(text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value <= 1_000_000) return value
  throw new InvalidArgumentError('Want a whole number.')
}

export function positive(text: string): number {
  const value = Number(text)
  if (value > 0 && Number.isFinite(value)) return value
  throw new InvalidArgumentError('Want a number above 0.')
}

export const fromOption = (byDefault: 'start' | 'end') =>
  new Option(
    '--from <where>',
    'begin at: start, end, a time (2026-01-31T08:00:00Z), a while ago (10m), offsets by partition (0:17,1:4)',
  )
    .argParser(where)
    .default({ at: byDefault }, byDefault)

/** `start`, `end`, a time (ISO 8601), a while ago (`10m`), or offsets by partition (`0:17,1:4`). */
function where(text: string): StartAt {
  if (text === 'start' || text === 'end') return { at: text }
  if (/^\d+:\d+(,\d+:\d+)*$/.test(text)) {
    const pairs = text.split(',').map((pair) => pair.split(':').map(Number))
    return { at: 'offsets', offsets: new Map(pairs.map(([partition, offset]) => [partition!, offset!])) }
  }
  return { at: 'time', time: time(text) }
}

/** A time (ISO 8601), or a while ago (`10m`); ms since the epoch. */
export function time(text: string): number {
  const ago = parseDuration(text)
  if (ago !== undefined) return systemClock.now() - ago
  const parsed = /^\d{4}-\d\d/.test(text) ? Date.parse(text) : NaN
  if (Number.isFinite(parsed)) return parsed
  throw new InvalidArgumentError('Want a time as in 2026-01-31T08:00:00Z, or a while ago as in 10m.')
}

export function duration(text: string): number {
  const ms = parseDuration(text)
  if (ms !== undefined && ms > 0) return ms
  throw new InvalidArgumentError('Want a duration as in 10s, 5m, 1h.')
}

/** A port, then on loopback, or host:port. */
export function address(text: string): Address {
  const parsed = parseAddress(text)
  if (parsed) return parsed
  throw new InvalidArgumentError('Want a port or host:port.')
}
