import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { Hot, DAY_US, type HotDay, type Undecodable } from './hot.ts'
import type { Answer } from './answer.ts'
import { runQuery, type Query } from './queries.ts'
import type { PackedRecords } from './packed.ts'
import { copyRollups, copySamples, createNames, dropNames, named, parquet, samples } from './sql.ts'

export interface StoreSettings {
  readonly memoryMegabytes: number
  readonly threads: number
  /** Where DuckDB puts what does not fit into that memory; emptied by whoever opens the store. */
  readonly spillDirectory: string
}

/** What a file of samples holds. */
export interface Written {
  readonly rows: number
  readonly rollups: number
  readonly minUs: number
  readonly maxUs: number
  readonly maxReceivedUs: number
}

/** Queries that run at a time, each on a connection of its own; the others wait. */
const CONNECTIONS = 2
/** Queries that wait at most. */
const MOST_WAITING = 256

/**
 * Samples in DuckDB: those in memory, and queries over them and the files. It lives in a thread of its own and knows
 * nothing of positions or manifests: which files count is told with each call.
 */
export class Store {
  readonly #hot: Hot
  readonly #files: DuckDBConnection
  readonly #instance: DuckDBInstance
  readonly #free: DuckDBConnection[] = []
  readonly #waiting: ((connection: DuckDBConnection) => void)[] = []
  #connections = 0
  #writing: Promise<unknown> = Promise.resolve()

  private constructor(instance: DuckDBInstance, hot: Hot, files: DuckDBConnection) {
    this.#instance = instance
    this.#hot = hot
    this.#files = files
  }

  static async open({ memoryMegabytes, threads, spillDirectory }: StoreSettings): Promise<Store> {
    const duckDb = await import('@duckdb/node-api')
    const instance = await duckDb.DuckDBInstance.create(':memory:', {
      memory_limit: `${memoryMegabytes}MB`,
      threads: String(threads),
      temp_directory: spillDirectory,
      preserve_insertion_order: 'true',
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      // What is let go goes back to the machine soon, not when the allocator thinks fit: the hub is to stay small.
      allocator_flush_threshold: '1MB',
      allocator_bulk_deallocation_flush_threshold: '1MB',
    })
    const hot = new Hot(await instance.connect(), duckDb)
    await hot.open()
    return new Store(instance, hot, await instance.connect())
  }

  addPlace(id: number, epoch: number, topic: string, partition: number): Promise<undefined> {
    return this.#inTurn(() => this.#hot.addPlace(id, epoch, topic, partition))
  }

  append(place: number, packed: PackedRecords): Promise<{ rows: number; undecodable: Undecodable[] }> {
    return this.#inTurn(() => this.#hot.append(place, packed))
  }

  flush(): Promise<void> {
    return this.#inTurn(() => this.#hot.flush())
  }

  rotate(): Promise<{ generation: number; days: HotDay[] }> {
    return this.#inTurn(() => this.#hot.rotate())
  }

  drop(generation: number): Promise<undefined> {
    return this.#inTurn(() => this.#hot.drop(generation))
  }

  /** Writes the samples of one day of a generation, and their roll-ups, to files that must not be there. */
  async write(generation: number, day: number, file: string, rollups: string): Promise<Written> {
    const filter = { fromUs: day * DAY_US, toUs: (day + 1) * DAY_US }
    const relation = samples({ files: [], generations: [generation] }, filter)
    try {
      for (const sql of createNames(generation)) await this.#files.run(sql)
      return await this.#copy(named(relation, generation), file, rollups)
    } finally {
      for (const sql of dropNames(generation)) await this.#files.run(sql)
    }
  }

  /** Puts files together to one. */
  async merge(files: readonly string[], file: string, rollups: string): Promise<Written> {
    return this.#copy(samples({ files, generations: [] }, {}), file, rollups)
  }

  /** Writes the samples of generations as they are now. */
  async copy(generations: readonly number[], file: string): Promise<undefined> {
    await this.flush()
    const connection = await this.#take()
    try {
      await connection.run(copySamples(samples({ files: [], generations }, {}), file))
      return undefined
    } finally {
      this.#give(connection)
    }
  }

  /** Answers a query over what was taken before; an aborted signal ends it. */
  async query(query: Query, signal: AbortSignal): Promise<Answer> {
    await this.flush()
    signal.throwIfAborted()
    const connection = await this.#take()
    const interrupt = () => connection.interrupt()
    try {
      signal.throwIfAborted()
      signal.addEventListener('abort', interrupt)
      return await runQuery(connection, query)
    } finally {
      signal.removeEventListener('abort', interrupt)
      this.#give(connection)
    }
  }

  /** Nothing may run any more. */
  close(): void {
    for (const connection of [...this.#free, this.#files]) connection.closeSync()
    this.#hot.close()
    this.#instance.closeSync()
  }

  async #copy(relation: string, file: string, rollups: string): Promise<Written> {
    await this.#files.run(copySamples(relation, file))
    const own = samples({ files: [file], generations: [] }, {})
    await this.#files.run(copyRollups(own, rollups))
    const result = await this.#files.runAndReadAll(
      `SELECT count(*)::DOUBLE, min(epoch_us(time))::DOUBLE, max(epoch_us(time))::DOUBLE, max(epoch_us(received))::DOUBLE,
         (SELECT count(*)::DOUBLE FROM ${parquet([rollups])}) FROM ${parquet([file])}`,
    )
    const [rows, minUs, maxUs, maxReceivedUs, minutes] = result.getRows()[0] as number[]
    return { rows: rows!, rollups: minutes!, minUs: minUs!, maxUs: maxUs!, maxReceivedUs: maxReceivedUs! }
  }

  async #take(): Promise<DuckDBConnection> {
    const free = this.#free.pop()
    if (free !== undefined) return free
    if (this.#connections < CONNECTIONS) {
      this.#connections += 1
      return this.#instance.connect()
    }
    if (this.#waiting.length >= MOST_WAITING) throw new Error(`${MOST_WAITING} queries are waiting already`)
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #give(connection: DuckDBConnection): void {
    const next = this.#waiting.shift()
    if (next) next(connection)
    else this.#free.push(connection)
  }

  /** What changes the samples in memory comes one after the other. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#writing.then(work)
    this.#writing = done.catch(() => {})
    return done
  }
}
