import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A hub in a process of its own, as a user starts it, to be killed as no user would. */
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
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => this.#hear(String(text)))
    return child
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child!
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
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
