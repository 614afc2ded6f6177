import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { startJava } from './java.ts'

/** What the broker says when its listeners take requests and the controller has let it in. */
const READY = /Kafka Server started/
const READY_MS = 120_000
/** Lines of a broker's own log that are kept for whoever looks into a failure. */
const KEPT_LINES = 2_000

/** One broker as a process; the same folder and ports over all its lives. */
export class KafkaBroker {
  readonly id: number
  readonly #properties: string
  readonly #javaOptions: readonly string[]
  readonly #said: string[] = []
  #child: ChildProcess | undefined
  #exited: Promise<unknown> = Promise.resolve()

  constructor(id: number, propertiesFile: string, javaOptions: readonly string[]) {
    this.id = id
    this.#properties = propertiesFile
    this.#javaOptions = javaOptions
  }

  /** The end of what it has logged. */
  get said(): string {
    return this.#said.join('\n')
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Starts it; resolves when it answers. */
  async start(): Promise<void> {
    const child = startJava('broker-log.properties', this.#javaOptions, 'kafka.Kafka', [this.#properties])
    this.#child = child
    this.#exited = once(child, 'exit')
    const { promise: ready, resolve, reject } = Promise.withResolvers<void>()
    const keep = (line: string) => {
      this.#said.push(line)
      if (this.#said.length > KEPT_LINES) this.#said.shift()
      if (READY.test(line)) resolve()
    }
    createInterface({ input: child.stdout! }).on('line', keep)
    createInterface({ input: child.stderr! }).on('line', keep)
    child.once('error', reject)
    child.once('exit', (code) =>
      reject(new Error(`Cannot start Kafka broker ${this.id}: it ended with ${code}, want it up`)),
    )
    const timer = setTimeout(() => reject(new Error(`Cannot start Kafka broker ${this.id}: not up in time`)), READY_MS)
    try {
      await ready
    } catch (error) {
      child.kill('SIGKILL')
      throw new Error(`${String(error)}\n${this.#why().join('\n')}`, { cause: error })
    } finally {
      clearTimeout(timer)
    }
  }

  /** What it complained of and the end of what it said: while it ends by itself, it says much that tells nothing. */
  #why(): string[] {
    const first = this.#said.findIndex((line) => /\b(ERROR|FATAL)\b/.test(line))
    return [...(first < 0 ? [] : this.#said.slice(first, first + 20)), '...', ...this.#said.slice(-20)]
  }

  /** Ends it like a power cut of the process: SIGKILL. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL')
    await this.#exited
    this.#child = undefined
  }

  /** Ends it as an operator does: it hands its partitions over first. */
  async end(): Promise<void> {
    this.#child?.kill('SIGTERM')
    await this.#exited
    this.#child = undefined
  }

  /** It hangs: connections stay, nothing is answered. */
  pause(): void {
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }
}
