import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** What takes longer does not come. */
const soon = () => ({ signal: AbortSignal.timeout(60_000) })

/** What a command answered. */
export interface Answer {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** The real command line in a directory of its own, which is removed after the test with whatever still runs in it. */
export class Millrace {
  readonly directory: string
  readonly #children: ChildProcess[] = []

  private constructor(directory: string) {
    this.directory = directory
  }

  static async create(t: TestContext): Promise<Millrace> {
    const millrace = new Millrace(await mkdtemp(join(tmpdir(), 'millrace-cli-')))
    t.after(async () => {
      for (const child of millrace.#children) child.kill('SIGKILL')
      await rm(millrace.directory, { recursive: true, force: true })
    })
    return millrace
  }

  /** Writes a plant of HTTP alone, on ports that the system chooses where none is given; answers the file's name. */
  async plant(ports: { readonly http?: number; readonly kafka?: number } = {}): Promise<string> {
    const { http = 0, kafka = 0 } = ports
    const config = `site: acme/berlin\nlog: { embedded: { listen: ${kafka} } }\nsources: { posts: { http: {} } }\napi: { listen: ${http} }\n`
    await writeFile(join(this.directory, 'plant.yaml'), config)
    return 'plant.yaml'
  }

  /** Runs a command to its end. */
  async run(...args: string[]): Promise<Answer> {
    const child = this.start(...args)
    const [out, err] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'exit')])
    return { code: child.exitCode, out, err }
  }

  start(...args: string[]): ChildProcess {
    const child = spawn(process.execPath, [MAIN, ...args], { cwd: this.directory, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#children.push(child)
    return child
  }

  /** Starts a hub; resolves when it has said what is running. */
  async hub(
    ...args: string[]
  ): Promise<{ readonly child: ChildProcess; readonly page: string; readonly kafka: string }> {
    const child = this.start('run', '--json', '--log-level', 'error', ...args)
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`the hub ended with ${code} before it was ready`)
    })
    const [said] = (await Promise.race([once(child.stdout!, 'data', soon()), ended])) as [Buffer]
    return { child, ...(JSON.parse(String(said)) as { page: string; kafka: string }) }
  }
}

/** Asks a program to end; resolves with its exit code. */
export async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
  const exited = once(child, 'exit', soon())
  child.kill(signal)
  await exited
  return child.exitCode
}

/** Posts readings of an asset, and sees that they were taken. */
export async function post(page: string, asset: string, body: unknown): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${page}/api/v1/ingest/${asset}`, { method: 'POST', headers, body: JSON.stringify(body) })
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`)
}
