import { spawn, execFileSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** A process under measurement. */
export class Measured {
  readonly #child: ChildProcess
  #line = ''

  constructor(program: string, args: readonly string[]) {
    this.#child = spawn(program, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] })
    createInterface({ input: this.#child.stdout! }).on('line', (line) => (this.#line = line))
  }

  /** The last whole line that it printed. */
  get lastLine(): string {
    return this.#line
  }

  /** Resolves when something listens on the port. */
  async listens(port: number): Promise<void> {
    for (let tries = 0; tries < 400; tries += 1) {
      if (this.#child.exitCode !== null) throw new Error(`it ended with ${this.#child.exitCode} before it listened`)
      if (await connects(port)) return
      await sleep(50)
    }
    throw new Error(`nothing listens on port ${port} after 20 s`)
  }

  /** CPU time so far, user and system, seconds. */
  cpuSeconds(): number {
    if (this.#child.exitCode !== null) throw new Error(`it ended with ${this.#child.exitCode} while it was measured`)
    const fields = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS
  }

  /** Resident memory now, and at its highest, MB. */
  memory(): { readonly rss: number; readonly peak: number } {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8')
    const megabytes = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024
    return { rss: megabytes('VmRSS'), peak: megabytes('VmHWM') }
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await exited
  }
}

const CLOCK_TICKS = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

async function connects(port: number): Promise<boolean> {
  const socket = createConnection({ port, host: '127.0.0.1' })
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
