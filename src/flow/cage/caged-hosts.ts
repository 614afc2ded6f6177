import { fork, type ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Cage } from '../../component/cage.ts'
import type { Clock, Timer } from '../../system/clock.ts'
import type { Changes, EngineHost, Taken } from '../topology/host.ts'
import type { Call, Opening, Reply, Request } from './calls.ts'

const MAIN = fileURLToPath(new URL('./cage-main.ts', import.meta.url))
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
/** The one library that it needs, wherever it is installed. */
const LIBRARY = dirname(fileURLToPath(import.meta.resolve('zod')))
/** What a process takes beside its heap, MB. */
const BESIDE_HEAP_MB = 96
/** How long the module may take to load, ms. */
const LOADING_MS = 10_000

/** Of what it writes to its standard error, characters from the end. */
const MOST_SAID = 4_000

interface Waiting {
  readonly resolve: (result: Reply['result']) => void
  readonly reject: (error: Error) => void
  readonly timer: Timer
}

/**
 * The engines of one processor that is not ours, in a process of its own: a loop, a leak or a crash ends that process and
 * nothing else. The tasks that had engines in it fail and begin again from their changelogs, in a new one.
 */
export class CagedHosts {
  readonly #cage: Cage
  readonly #clock: Clock
  #child: ChildProcess | undefined
  #loaded = false
  #calls = 0
  #tasks = 0
  readonly #waiting = new Map<number, Waiting>()

  constructor(cage: Cage, clock: Clock) {
    this.#cage = cage
    this.#clock = clock
  }

  /** The engine of a task. */
  open(): EngineHost {
    const task = this.#tasks++
    const child = (this.#child ??= this.#start())
    const call = (what: Call) => this.#call(child, task, what)
    return {
      restore: async (keys, received) => void (await call({ do: 'restore', keys, received })),
      take: async (facts) => (await call({ do: 'take', facts })) as Taken,
      advance: async (received) => (await call({ do: 'advance', received })) as Taken,
      changes: async () => (await call({ do: 'changes' })) as Changes,
      close: async () => void (await call({ do: 'close' }).catch(() => {})),
    }
  }

  /** Ends the process; every call that waits is rejected. */
  close(): void {
    this.#child?.kill('SIGKILL')
  }

  #start(): ChildProcess {
    const { file, settings, memoryMb, library } = this.#cage
    const child = fork(MAIN, [file], {
      serialization: 'advanced',
      env: {},
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: [
        '--permission',
        `--allow-fs-read=${ROOT}`,
        `--allow-fs-read=${LIBRARY}`,
        `--allow-fs-read=${dirname(file)}`,
        ...(library === undefined ? [] : [`--allow-fs-read=${library}`, '--allow-addons', '--allow-worker']),
        `--max-old-space-size=${memoryMb}`,
        '--max-semi-space-size=2',
        '--disable-warning=ExperimentalWarning',
      ],
    })
    child.on('message', (reply: Reply) => this.#onReply(child, reply))
    child.on('error', (error) => this.#end(child, `Cannot start its process: ${error.message}`))
    let said = ''
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-MOST_SAID)))
    child.on('close', (code, signal) =>
      this.#end(child, `Its process ended with ${signal ?? `code ${code}`}${causeOf(said)}`),
    )
    child.send({ settings } satisfies Opening)
    // The hub does not stay because of it.
    child.unref()
    child.channel?.unref()
    ;(child.stderr as Socket | null)?.unref()
    return child
  }

  #call(child: ChildProcess, task: number, call: Call): Promise<Reply['result']> {
    if (child !== this.#child) return Promise.reject(new Error('Its process has ended'))
    const id = this.#calls++
    const ms = this.#loaded ? this.#cage.timeoutMs : LOADING_MS + this.#cage.timeoutMs
    const { promise, resolve, reject } = Promise.withResolvers<Reply['result']>()
    const late = () => this.#end(child, `It took longer than ${ms} ms, want at most that for 500 facts`)
    this.#waiting.set(id, { resolve, reject, timer: this.#clock.after(ms, late) })
    child.send({ id, task, call } satisfies Request, (error) => {
      if (error) this.#end(child, `Cannot reach its process: ${error.message}`)
    })
    return promise
  }

  #onReply(child: ChildProcess, { id, rss, result, error }: Reply): void {
    const waiting = this.#waiting.get(id)
    if (child !== this.#child || waiting === undefined) return
    this.#loaded = true
    this.#waiting.delete(id)
    waiting.timer.cancel()
    if (error === undefined) waiting.resolve(result)
    else waiting.reject(new Error(error))
    const most = this.#cage.memoryMb + BESIDE_HEAP_MB
    if (rss > most * 1024 * 1024)
      this.#end(child, `It took ${Math.round(rss / 1024 / 1024)} MB, want at most ${most} MB`)
  }

  #end(child: ChildProcess, why: string): void {
    if (child !== this.#child) return
    this.#child = undefined
    this.#loaded = false
    child.kill('SIGKILL')
    for (const { reject, timer } of this.#waiting.values()) {
      timer.cancel()
      reject(new Error(why))
    }
    this.#waiting.clear()
  }
}

/** Why a process ended, from what it wrote last: the line of the error, or that it had no memory. */
function causeOf(said: string): string {
  if (said.includes('heap out of memory')) return ': its heap is full'
  const line = said.split('\n').find((one) => /^(Uncaught )?\w*Error\b/.test(one))
  return line === undefined ? '' : `: ${line}`
}
