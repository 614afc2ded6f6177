import type { DuckDBConnection } from '@duckdb/node-api'

/** Columns by name; numbers as doubles, NaN for none. They are handed over from the store's thread, not copied. */
export interface Answer {
  readonly rows: number
  readonly numbers: { readonly [name: string]: Float64Array<ArrayBuffer> }
  readonly texts: { readonly [name: string]: TextColumn }
}

/** A text of each row by its place in a list: most repeat, and a list of a million texts would be a million copies. */
export interface TextColumn {
  readonly codes: Uint32Array<ArrayBuffer>
  readonly texts: readonly (string | null)[]
}

export function textAt({ codes, texts }: TextColumn, row: number): string | null {
  return texts[codes[row]!]!
}

/** What of a relation is to be answered. */
export interface Columns {
  readonly numbers: readonly string[]
  readonly texts?: readonly string[]
  /** Columns that have their place in a list instead of each text. */
  readonly codes?: { readonly [name: string]: readonly string[] }
}

/** Columns of an answer, beside the heap of the thread: two answers are made at a time. */
const MOST_COLUMN_BYTES = 96 << 20
/** Its texts, in that heap, which has bounds (`engine.ts`): a thread that runs out of it dies, with all that waits for it. */
const MOST_TEXT_BYTES = 48 << 20
/** Of a text, beside its characters. */
const TEXT_BYTES = 32

/**
 * Runs a statement and gathers its columns.
 * @throws Error "out of memory" where they come to too much
 */
export async function ask(
  connection: DuckDBConnection,
  sql: string,
  { numbers, texts = [], codes = {} }: Columns,
): Promise<Answer> {
  const coded = Object.keys(codes)
  const wanted = [
    ...numbers.map((name) => `coalesce("${name}"::DOUBLE, 'nan') AS "${name}"`),
    ...coded.map((name) => `"${name}"::UINTEGER AS "${name}"`),
    ...texts.map((name) => `"${name}"`),
  ]
  const result = await connection.stream(`SELECT ${wanted.join(', ')} FROM (${sql})`)
  const numberParts = numbers.map((): Float64Array<ArrayBuffer>[] => [])
  const codeParts = coded.map((): Uint32Array<ArrayBuffer>[] => [])
  let textBytes = 0
  const spend = (bytes: number) => bounded('texts', (textBytes += bytes), MOST_TEXT_BYTES)
  const runs = texts.map(() => new TextRuns(spend))
  const rowBytes = 8 * numbers.length + 4 * (coded.length + texts.length)
  let rows = 0
  for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    const { rowCount } = chunk
    rows += rowCount
    bounded('columns', rows * rowBytes, MOST_COLUMN_BYTES)
    // Vectors of numbers have them in one piece, as long as the chunk lives.
    const itemsOf = (column: number) => (chunk.getColumnVector(column) as unknown as { readonly items: unknown }).items
    numberParts.forEach((list, i) => list.push((itemsOf(i) as Float64Array<ArrayBuffer>).slice(0, rowCount)))
    codeParts.forEach((list, i) =>
      list.push((itemsOf(numbers.length + i) as Uint32Array<ArrayBuffer>).slice(0, rowCount)),
    )
    for (const [i, run] of runs.entries()) {
      const vector = chunk.getColumnVector(numbers.length + coded.length + i)
      run.add(rowCount, (row) => vector.getItem(row) as string | null)
    }
  }
  return {
    rows,
    numbers: byName(numbers, (i) => joined(numberParts[i]!, new Float64Array(rows))),
    texts: {
      ...byName(coded, (i) => ({ codes: joined(codeParts[i]!, new Uint32Array(rows)), texts: codes[coded[i]!]! })),
      ...byName(texts, (i) => ({ codes: joined(runs[i]!.parts, new Uint32Array(rows)), texts: runs[i]!.texts })),
    },
  }
}

/** The answer of a relation without rows. */
export function emptyAnswer({ numbers, texts = [], codes = {} }: Columns): Answer {
  return {
    rows: 0,
    numbers: byName(numbers, () => new Float64Array()),
    texts: byName([...Object.keys(codes), ...texts], () => ({ codes: new Uint32Array(), texts: [] })),
  }
}

function byName<T>(names: readonly string[], at: (i: number) => T): { readonly [name: string]: T } {
  return Object.fromEntries(names.map((name, i) => [name, at(i)]))
}

/** Texts as they come: neighbours that are equal share one. */
class TextRuns {
  readonly texts: (string | null)[] = []
  readonly parts: Uint32Array<ArrayBuffer>[] = []
  readonly #spend: (bytes: number) => void

  constructor(spend: (bytes: number) => void) {
    this.#spend = spend
  }

  add(rows: number, textOf: (row: number) => string | null): void {
    const codes = new Uint32Array(rows)
    for (let row = 0; row < rows; row++) {
      const text = textOf(row)
      if (this.texts.length === 0 || text !== this.texts.at(-1)) {
        this.#spend(TEXT_BYTES + (text?.length ?? 0))
        this.texts.push(text)
      }
      codes[row] = this.texts.length - 1
    }
    this.parts.push(codes)
  }
}

function bounded(what: string, bytes: number, most: number): void {
  if (bytes > most) throw new Error(`out of memory: ${what} of over ${most >> 20} MiB`)
}

/** The parts one behind the other; they are let go, so that no answer is there twice. */
function joined<T extends Float64Array<ArrayBuffer> | Uint32Array<ArrayBuffer>>(parts: T[], all: T): T {
  let at = 0
  for (const part of parts.splice(0)) {
    all.set(part, at)
    at += part.length
  }
  return all
}
