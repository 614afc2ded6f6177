import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { chownSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePorts } from '../tools/free-ports.ts'
import { onPath } from '../tools/need.ts'

/** PostgreSQL on this machine, in a temporary folder, with settings for a machine of two cores. */
export class Postgres {
  readonly #server: ChildProcess
  readonly #psql: ChildProcess
  readonly #lines: AsyncIterator<string>
  readonly #directory: string

  private constructor(server: ChildProcess, psql: ChildProcess, directory: string) {
    this.#server = server
    this.#psql = psql
    this.#lines = createInterface({ input: psql.stdout! })[Symbol.asyncIterator]()
    this.#directory = directory
  }

  /** Undefined: it is not installed. */
  static async start(): Promise<Postgres | undefined> {
    if (['initdb', 'postgres', 'psql'].some((program) => onPath(program) === undefined)) return undefined
    const directory = mkdtempSync(join(tmpdir(), 'millrace-postgres-'))
    // It refuses to run as root.
    const user = process.getuid?.() === 0 ? { uid: idOf('u'), gid: idOf('g') } : {}
    if (user.uid !== undefined) chownSync(directory, user.uid, user.gid)
    const data = join(directory, 'data')
    execFileSync('initdb', ['-D', data, '-A', 'trust', '-U', 'bench', '-E', 'UTF8', '--locale=C'], {
      ...user,
      stdio: 'ignore',
    })
    const [port] = (await freePorts(1)) as [number]
    const settings = { shared_buffers: '512MB', work_mem: '128MB', maintenance_work_mem: '512MB', max_wal_size: '4GB' }
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const server = spawn('postgres', ['-D', data, '-p', String(port), '-k', directory, ...flags], {
      ...user,
      stdio: 'ignore',
    })
    const connect = ['-h', directory, '-p', String(port), '-U', 'bench', '-d', 'postgres']
    while (!answers(connect)) await new Promise((resolve) => setTimeout(resolve, 100))
    const psql = spawn('psql', ['-X', '-q', '-A', '-t', ...connect], { stdio: ['pipe', 'pipe', 'inherit'] })
    return new Postgres(server, psql, directory)
  }

  /** Runs a statement, its rows handed to nobody, and answers how long it took, ms. */
  async run(sql: string): Promise<number> {
    this.#psql.stdin!.write(
      `\\o /dev/null\n\\timing on\n${sql.trim().replace(/;$/, '')};\n\\timing off\n\\o\n\\echo done\n`,
    )
    let ms = NaN
    for (;;) {
      const { value } = (await this.#lines.next()) as { value: string }
      if (value === 'done') return ms
      const found = /^Time: ([\d.]+) ms/.exec(value)
      if (found) ms = Number(found[1])
    }
  }

  /** The only value of the only row. */
  async value(sql: string): Promise<string> {
    this.#psql.stdin!.write(`${sql.replace(/;$/, '')};\n`)
    return ((await this.#lines.next()) as { value: string }).value
  }

  /** Loads rows of CSV into a table; answers how long it took, ms. */
  async copy(table: string, rows: Iterable<string>): Promise<number> {
    const begin = performance.now()
    const input = this.#psql.stdin!
    input.write(`COPY ${table} FROM STDIN (FORMAT csv);\n`)
    let lot: string[] = []
    const flush = async () => {
      if (!input.write(lot.join(''))) await new Promise((resolve) => input.once('drain', resolve))
      lot = []
    }
    for (const row of rows) if (lot.push(row) === 5_000) await flush()
    await flush()
    input.write('\\.\n\\echo done\n')
    await this.#lines.next()
    return performance.now() - begin
  }

  async stop(): Promise<void> {
    this.#psql.stdin!.end()
    const ended = new Promise((resolve) => this.#server.once('exit', resolve))
    this.#server.kill('SIGINT')
    await ended
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

function idOf(what: 'u' | 'g'): number {
  return Number(execFileSync('id', [`-${what}`, 'postgres'], { encoding: 'utf8' }))
}

function answers(connect: readonly string[]): boolean {
  try {
    execFileSync('psql', ['-X', ...connect, '-c', 'SELECT 1'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
