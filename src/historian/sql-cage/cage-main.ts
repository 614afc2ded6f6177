import {
  DuckDBInstance,
  DuckDBTimestampTZValue,
  JsonDuckDBValueConverter,
  StatementType,
  type DuckDBConnection,
  type DuckDBValueConverter,
  type Json,
} from '@duckdb/node-api'
import { systemClock, type Timer } from '../../system/clock.ts'
import type { SqlColumn, SqlFault, SqlMessage, SqlTask, SqlValue } from './messages.ts'
import { allSamplesView, closeDoors, minutesView, samplesView, tagsView } from './views.ts'

/**
 * The process that answers one question in SQL: it is told once over its channel, says rows as they come, and ends. It is
 * killed by whoever asked, when the time is over.
 */
const say = (message: SqlMessage) => new Promise<void>((resolve) => void process.send!(message, () => resolve()))
/** How often it looks how much memory it has. */
const WATCH_MS = 50
const ROWS_A_MESSAGE = 1_000

process.once('message', (task: SqlTask) => void answer(task))

async function answer(task: SqlTask): Promise<void> {
  const timer = watch(task)
  try {
    const connection = await open(task)
    await run(connection, task)
  } catch (error) {
    await say({ fault: faultOf(error as Error) })
  }
  timer.cancel()
  process.disconnect()
}

/** DuckDB's own limit is none of the process (it sorts and hashes beyond it), so the process has one too. */
function watch({ processMegabytes }: SqlTask): Timer {
  return systemClock.every(WATCH_MS, () => {
    if (process.memoryUsage.rss() < processMegabytes << 20) return
    const message = `it takes more than ${processMegabytes} MB`
    void say({ fault: { code: 'SQL_TOO_LARGE', message } }).then(() => process.exit(1))
  })
}

async function open({ memoryMegabytes, samples, tags, ...sources }: SqlTask): Promise<DuckDBConnection> {
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: `${memoryMegabytes}MB`,
    threads: '2',
    // What does not fit into memory is too large a question: nothing is written.
    temp_directory: '',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false',
  })
  const connection = await instance.connect()
  await connection.run("SET TimeZone = 'UTC'")
  for (const sql of [samplesView(samples), allSamplesView(samples), minutesView(sources), tagsView(tags)])
    await connection.run(sql)
  for (const sql of closeDoors([...samples, ...sources.rollups, tags])) await connection.run(sql)
  return connection
}

async function run(connection: DuckDBConnection, { sql, limit }: SqlTask): Promise<void> {
  const statements = await connection.extractStatements(sql).catch((error: Error) => {
    // What the library says where there is no statement at all.
    throw /native callback/.test(error.message) ? new Error('it has no statement, want one') : error
  })
  if (statements.count !== 1) throw new Error(`it has ${statements.count} statements, want one`)
  const prepared = await statements.prepare(0)
  const { statementType } = prepared
  if (statementType !== StatementType.SELECT && statementType !== StatementType.EXPLAIN)
    throw new Error(`it is ${StatementType[statementType]}, want SELECT`)
  const result = await prepared.stream()
  const types = result.columnTypes().map((type) => type.toString())
  const columns = result.columnNames().map((name, at): SqlColumn => ({ name, type: types[at]! }))
  await say({ columns })
  let left = limit
  for await (const chunk of result.yieldConvertedRows<SqlValue>(jsonOf)) {
    const rows = chunk.slice(0, left)
    for (let at = 0; at < rows.length; at += ROWS_A_MESSAGE) await say({ rows: rows.slice(at, at + ROWS_A_MESSAGE) })
    left -= rows.length
    if (chunk.length > rows.length) return say({ end: { more: true } })
  }
  await say({ end: { more: false } })
}

/** As DuckDB has it in JSON, but integers are numbers where they can be, and times ISO 8601. */
const jsonOf: DuckDBValueConverter<SqlValue> = (value, type, converter) => {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (value instanceof DuckDBTimestampTZValue) return timeText(value.micros)
  return JsonDuckDBValueConverter(value, type, converter as DuckDBValueConverter<Json>)
}

function timeText(us: bigint): string | null {
  const ms = us / 1_000n - (us % 1_000n < 0n ? 1n : 0n)
  const rest = us - ms * 1_000n
  const date = new Date(Number(ms))
  // DuckDB has infinities, and years that no calendar has.
  if (Number.isNaN(date.getTime())) return null
  const text = date.toISOString()
  return rest === 0n ? text : `${text.slice(0, -1)}${String(rest).padStart(3, '0')}Z`
}

function faultOf({ message }: Error): { readonly code: SqlFault; readonly message: string } {
  const [line] = message.split('\n', 1)
  return { code: /out of memory/i.test(message) ? 'SQL_TOO_LARGE' : 'BAD_SQL', message: line ?? message }
}
