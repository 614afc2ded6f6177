import { ConfigError, formatProblem } from '../config/problem.ts'
import type { Terminal } from './terminal.ts'

/** What a command's exit says: 0 it worked, 1 it did not (or the answer is no), 2 it was asked wrongly. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const

/** Says why a command failed, as JSON where that was asked for; answers the exit code. */
export function sayFailure(error: unknown, terminal: Terminal, json: boolean): number {
  if (json) terminal.out(JSON.stringify(asJson(error)))
  else for (const line of lines(error, terminal)) terminal.err(line)
  return error instanceof ConfigError ? EXIT.usage : EXIT.failed
}

function asJson(error: unknown): object {
  if (error instanceof ConfigError) return { ok: false, code: error.code, problems: error.problems }
  return { ok: false, code: codeOf(error), message: messageOf(error) }
}

function lines(error: unknown, terminal: Terminal): string[] {
  if (error instanceof ConfigError) {
    return [
      ...error.problems.map(formatProblem),
      terminal.style('red', `${error.problems.length} problem(s) in the config`),
    ]
  }
  return [`${terminal.style('red', 'error')} ${messageOf(error)}`, ...advice(error)]
}

function advice(error: unknown): string[] {
  return codeOf(error) === 'EADDRINUSE'
    ? ['Another program has that port: stop it, or choose another port (see --help)']
    : []
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UNEXPECTED'
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
