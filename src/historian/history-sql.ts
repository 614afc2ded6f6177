import type { Catalogue } from '../model/catalogue.ts'
import type { System } from '../system/system.ts'
import type { Historian } from './historian.ts'
import { HistoryError } from './history-error.ts'
import type { SqlTask } from './sql-cage/messages.ts'
import { askCaged, type SqlAnswer } from './sql-cage/sql-cage.ts'
import { TagsFile } from './tags-file.ts'

export interface SqlQuestion {
  readonly sql: string
  /** Rows that are answered at most. */
  readonly limit: number
}

export interface HistorySqlOptions {
  readonly historian: Historian
  readonly catalogue: Catalogue
  /** For the newest samples, in a file that is removed when the question is answered, and for what is known of tags. */
  readonly spillDirectory: string
  readonly system: Pick<System, 'clock' | 'disk'>
}

const TIMEOUT_MS = 30_000
const MEMORY_MB = 256
/** DuckDB and Node beside what DuckDB counts. */
const PROCESS_MB = 640

/** Questions in SQL over everything that is stored, up to now. */
export class HistorySql {
  readonly #options: HistorySqlOptions
  readonly #tags: TagsFile
  #questions = 0

  constructor(options: HistorySqlOptions) {
    this.#options = options
    this.#tags = new TagsFile(options.catalogue, options.spillDirectory, options.system.disk)
  }

  /**
   * @throws SqlError `BAD_SQL`, `SQL_TOO_LARGE`, `SQL_TIMEOUT`, `SQL_FAILED`; HistoryError `HISTORY_UNAVAILABLE`; the signal's
   * reason
   */
  async ask({ sql, limit }: SqlQuestion, signal: AbortSignal): Promise<SqlAnswer> {
    const { historian, spillDirectory, system } = this.#options
    using lease = await historian.lease()
    using tags = await this.#tags.lease()
    const { files, generations } = lease.snapshot
    const { lake } = historian
    const newest = `${spillDirectory}/sql-${this.#questions++}.parquet`
    try {
      if (generations.length > 0) await historian.copy(generations, newest, signal)
      const stored = files.filter(({ bytes }) => bytes !== undefined).map((file) => lake.path('samples', file))
      const task = {
        sql,
        limit,
        memoryMegabytes: MEMORY_MB,
        processMegabytes: PROCESS_MB,
        samples: generations.length > 0 ? [...stored, newest] : stored,
        ...historian.rollupsOf(files),
        tags: tags.path,
      }
      return await this.#asked(task, signal)
    } finally {
      await system.disk.remove(newest)
    }
  }

  /** A file of the lake that cannot be read is a fault of the lake: it is looked at, and the question may be asked again. */
  async #asked(task: SqlTask, signal: AbortSignal): Promise<SqlAnswer> {
    const { historian, system } = this.#options
    try {
      await historian.prove([...task.samples, ...task.rollups], signal)
      return await askCaged(task, TIMEOUT_MS, system.clock, signal)
    } catch (error) {
      const files = [...task.samples, ...task.rollups].filter((file) => (error as Error).message.includes(file))
      if (files.length === 0) throw error
      await historian.inspect(files)
      throw new HistoryError('HISTORY_UNAVAILABLE', (error as Error).message, { cause: error, files })
    }
  }
}
