import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** How long a hub takes to end at most: far longer than it may. */
const END_MS = 60_000

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/**
 * A hub in a process of its own, as a user starts it, to be killed as no user would. One that a failed test has not ended
 * does not keep the process of the tests alive, and ends with it.
 */
export class HubProcess {
  readonly #args: readonly string[]
  readonly #page: string
  #child: ChildProcess | undefined
  /** The last lines of its log, for the message of a test that fails. */
  readonly said: string[] = []

  /** `args` are what node is started with; `page` is where it will answer. */
  constructor(args: readonly string[], page: string) {
    this.#args = args
    this.#page = page
  }

  /** Of the process that was started last. */
  get pid(): number {
    return this.#child!.pid!
  }

  /** Starts it and resolves, when it answers that it is ready, with the milliseconds that took. */
  async start(limitMs = 20_000): Promise<number> {
    const began = performance.now()
    const child = this.#spawn()
    while (!(await healthy(this.#page))) {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`the hub ended with ${child.exitCode}:\n${this.said.join('\n')}`)
      if (performance.now() - began > limitMs)
        throw new Error(`the hub is not ready after ${limitMs} ms:\n${this.said.join('\n')}`)
      await sleep(20)
    }
    return performance.now() - began
  }

  /** Starts it and kills it after so many milliseconds, whatever it has come to by then. */
  async startAndKill(afterMs: number): Promise<void> {
    this.#spawn()
    await sleep(afterMs)
    await this.kill()
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Ends it as Ctrl-C does; resolves with its exit code. */
  async stop(): Promise<number | null> {
    return this.#end('SIGTERM')
  }

  /** SIGSTOP: it hangs, with all its connections open; `resume` lets it go on as if nothing had been. */
  pause(): void {
    this.#child!.kill('SIGSTOP')
  }

  resume(): void {
    this.#child!.kill('SIGCONT')
  }

  #spawn(): ChildProcess {
    const child = spawn(process.execPath, this.#args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    running.add(child)
    child.once('exit', () => running.delete(child))
    child.unref()
    for (const stream of [child.stdout, child.stderr] as Socket[])
      stream.on('data', (text: Buffer) => this.#hear(String(text))).unref()
    return child
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child!
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
    const exited = once(child, 'exit', { signal: AbortSignal.timeout(END_MS) })
    child.ref()
    child.kill(signal)
    await exited.catch(() => {
      throw new Error(`the hub has not ended ${END_MS} ms after ${signal}:\n${this.said.join('\n')}`)
    })
    return child.exitCode
  }

  #hear(text: string): void {
    this.said.push(...text.trimEnd().split('\n'))
    this.said.splice(0, Math.max(0, this.said.length - 40))
  }
}

async function healthy(page: string): Promise<boolean> {
  const answer = await fetch(`${page}/healthz`, { signal: AbortSignal.timeout(1_000) }).catch(() => undefined)
  await answer?.arrayBuffer().catch(() => undefined)
  return answer?.status === 200
}
