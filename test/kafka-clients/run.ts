import { spawn } from 'node:child_process'

export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly errors: string
}

/** Runs a program to its end, at most 30 s. */
export function run(program: string, args: readonly string[], input = ''): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { timeout: 30_000 })
    let out = ''
    let errors = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, out, errors }))
    child.stdin.end(input)
  })
}
