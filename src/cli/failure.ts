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
  return [`${terminal.style('red', 'error')} ${messageOf(error)}`]
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UNEXPECTED'
}

/** Errors of ours are sentences already; those of the system become one. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code, path, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number }
  const why = REASONS[code ?? '']
  if (why === undefined) return error.message
  if (port !== undefined) return `Cannot listen on "${address}:${port}": ${why}`
  return path === undefined ? error.message : `Cannot write "${path}": ${why}`
}

const REASONS: { readonly [code: string]: string } = {
  EADDRINUSE: 'another program listens there, want a free port',
  EADDRNOTAVAIL: 'this machine does not have that address, want one of its own',
  EACCES: 'permission denied, want a place that this user may write to or a port that it may have',
  EPERM: 'not permitted, want a place that this user may write to',
  EROFS: 'the file system is read-only, want one that can be written to',
  ENOSPC: 'the disk is full, want some free space',
  ENOTDIR: 'a part of the path is a file, want a directory',
  EEXIST: 'it is a file, want a directory',
  EISDIR: 'it is a directory, want a file',
  ENOENT: 'its directory is not there, want one that is',
}
