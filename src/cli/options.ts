import { InvalidArgumentError, Option } from 'commander'
import { parseAddress, type Address } from '../system/net.ts'
import type { LogLevel } from '../system/logger.ts'

/** Options that several commands take, spelt the same everywhere. */

export const jsonOption = () => new Option('--json', 'answer in JSON, for machines')

export const dataOption = () =>
  new Option('--data <dir>', 'directory of the log and the views').default('./millrace-data')

/** For commands beside a hub: where its log is, and how to log in there. */
export const configOption = () =>
  new Option('--config <file>', 'config of the plant; needed where its log is a Kafka that asks who is there')

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

/** A port, then on loopback, or host:port. */
export function address(text: string): Address {
  const parsed = parseAddress(text)
  if (parsed) return parsed
  throw new InvalidArgumentError('Want a port or host:port.')
}
