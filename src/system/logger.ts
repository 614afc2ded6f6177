import { printable } from './printable.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Facts of one line of the log, by name. A `Secret` prints as `***`. */
export type LogFields = { readonly [name: string]: unknown }

/** What the program says about itself while it runs. */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** A logger whose lines carry these fields too. */
  child(fields: LogFields): Logger
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

export interface LoggerOptions {
  readonly level: LogLevel
  /** `text` for people, `json` for machines: one object a line. */
  readonly format: 'text' | 'json'
  readonly now: () => number
  readonly write: (line: string) => void
}

export function createLogger(options: LoggerOptions, base: LogFields = {}): Logger {
  const say = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(options.level)) return
    options.write(format(options, level, message, { ...base, ...fields }))
  }
  return {
    debug: say('debug'),
    info: say('info'),
    warn: say('warn'),
    error: say('error'),
    child: (fields) => createLogger(options, { ...base, ...fields }),
  }
}

/** Says nothing; for tests and libraries that insist on a logger. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
}

function format(options: LoggerOptions, level: LogLevel, message: string, fields: LogFields): string {
  const time = new Date(options.now()).toISOString()
  if (options.format === 'json') return JSON.stringify({ time, level, message, ...plain(fields) })
  const tail = Object.entries(fields).map(([name, value]) => ` ${name}=${text(value)}`)
  return `${time.slice(11, 23)} ${level.padEnd(5)} ${message}${tail.join('')}`
}

function plain(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? value.message : value]),
  )
}

function text(value: unknown): string {
  const shown: string | undefined =
    value instanceof Error ? value.message : typeof value === 'string' ? value : JSON.stringify(value)
  const safe = printable(shown ?? 'undefined')
  return /[\s"=]/.test(safe) ? JSON.stringify(safe) : safe
}
