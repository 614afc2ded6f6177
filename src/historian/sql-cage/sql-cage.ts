import { fork, type ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Clock } from '../../system/clock.ts'
import { SqlError } from './sql-error.ts'
import type { SqlColumn, SqlMessage, SqlTask, SqlValue } from './messages.ts'

const MAIN = fileURLToPath(new URL('./cage-main.ts', import.meta.url))
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
/** The folder of packages that the library lies in, wherever that is. */
const LIBRARIES = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.resolve('@duckdb/node-api'))))))
/** Bytes of rows, as JSON, that an answer may have. */
const MOST_BYTES = 64 << 20
/** Of what it writes to its standard error, characters from the end. */
const MOST_SAID = 2_000

export interface SqlAnswer {
  readonly columns: readonly SqlColumn[]
  readonly rows: readonly (readonly SqlValue[])[]
  /** There are more rows than were asked for. */
  readonly more: boolean
}

/**
 * Answers a question in SQL in a process of its own, which may read the files of the task and nothing else, and which is
 * killed when the time is over, when nobody waits any more, and when it takes too much memory.
 * @throws SqlError, or the signal's reason
 */
export function askCaged(task: SqlTask, timeoutMs: number, clock: Clock, signal: AbortSignal): Promise<SqlAnswer> {
  signal.throwIfAborted()
  const child = start(task)
  const { promise, resolve, reject } = Promise.withResolvers<SqlAnswer>()
  const late = clock.after(timeoutMs, () =>
    reject(
      new SqlError('SQL_TIMEOUT', `it takes longer than ${timeoutMs} ms, want a shorter range of time, or a limit`),
    ),
  )
  const onAbort = () => reject(signal.reason as Error)
  signal.addEventListener('abort', onAbort, { once: true })
  gather(child, resolve, reject)
  return promise.finally(() => {
    late.cancel()
    signal.removeEventListener('abort', onAbort)
    child.kill('SIGKILL')
  })
}

/** Node itself may read the program and its library; the files of the task are read by DuckDB, which is told which they are. */
function start(task: SqlTask): ChildProcess {
  const child = fork(MAIN, [], {
    serialization: 'advanced',
    env: {},
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: [
      '--permission',
      '--allow-addons',
      `--allow-fs-read=${ROOT}`,
      `--allow-fs-read=${LIBRARIES}`,
      '--disable-warning=ExperimentalWarning',
      '--disable-warning=SecurityWarning',
      '--max-semi-space-size=2',
    ],
  })
  child.send(task)
  child.unref()
  child.channel?.unref()
  ;(child.stderr as Socket | null)?.unref()
  return child
}

function gather(child: ChildProcess, resolve: (answer: SqlAnswer) => void, reject: (error: Error) => void): void {
  let columns: readonly SqlColumn[] = []
  const rows: (readonly SqlValue[])[] = []
  let bytes = 0
  let said = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-MOST_SAID)))
  child.on('message', (message: SqlMessage) => {
    if ('columns' in message) columns = message.columns
    else if ('end' in message) resolve({ columns, rows, more: message.end.more })
    else if ('fault' in message) reject(new SqlError(message.fault.code, message.fault.message))
    else {
      bytes += JSON.stringify(message.rows).length
      if (bytes > MOST_BYTES) reject(new SqlError('SQL_TOO_LARGE', `the answer has more than ${MOST_BYTES >> 20} MB`))
      rows.push(...message.rows)
    }
  })
  child.on('error', (error) => reject(new SqlError('SQL_FAILED', `its process did not start (${error.message})`)))
  child.on('close', (code, ended) => {
    const why = said.split('\n').find((line) => /Error/.test(line)) ?? ''
    reject(new SqlError('SQL_FAILED', `its process ended with ${ended ?? `code ${code}`} ${why}`.trim()))
  })
}
