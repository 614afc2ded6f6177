import { isMap, isNode, isScalar, LineCounter, parseDocument, type Document } from 'yaml'
import { ConfigError, type Problem } from './problem.ts'

/** Largest config file: a plant of 10,000 machines fits with room to spare. */
const MAX_BYTES = 4 << 20

/** Aliases a file may resolve to: enough for anchors used by people, too few for a bomb. */
const MAX_ALIASES = 1000

/** A path into the document: keys and indexes. */
export type DocumentPath = readonly (string | number)[]

/** The YAML text of a config, with the way back from every value to its line and column. */
export class ConfigDocument {
  readonly file: string
  readonly #document: Document
  readonly #lines: LineCounter

  constructor(file: string, document: Document, lines: LineCounter) {
    this.file = file
    this.#document = document
    this.#lines = lines
  }

  /** The document as plain values. */
  value(): unknown {
    return this.#document.toJS({ maxAliasCount: MAX_ALIASES })
  }

  /** A problem at the value at `path`, or at the nearest thing above it that is there. */
  problem(path: DocumentPath, message: string, suggestion?: string): Problem {
    return this.#at(this.#valueOffset(path), message, suggestion)
  }

  /** A problem at the key itself, for keys that should not be there. */
  problemAtKey(path: DocumentPath, key: string, message: string, suggestion?: string): Problem {
    const map = path.length === 0 ? this.#document.contents : this.#document.getIn(path, true)
    const pair = isMap(map) ? map.items.find((item) => isScalar(item.key) && String(item.key.value) === key) : undefined
    const offset = isNode(pair?.key) ? pair.key.range?.[0] : undefined
    return this.#at(offset ?? this.#valueOffset(path), message, suggestion)
  }

  #valueOffset(path: DocumentPath): number {
    for (let depth = path.length; depth > 0; depth -= 1) {
      const node = this.#document.getIn(path.slice(0, depth), true)
      if (isNode(node) && node.range) return node.range[0]
    }
    return this.#document.contents?.range?.[0] ?? 0
  }

  #at(offset: number, message: string, suggestion?: string): Problem {
    const { line, col } = this.#lines.linePos(offset)
    return {
      file: this.file,
      line: Math.max(1, line),
      column: Math.max(1, col),
      message,
      ...(suggestion === undefined ? {} : { suggestion }),
    }
  }
}

/**
 * Reads the YAML text of a config.
 * @throws ConfigError with every fault of the text: not UTF-8, too large, duplicate keys, tabs, anchor bombs.
 */
export function readDocument(file: string, bytes: Uint8Array): ConfigDocument {
  const text = decode(file, bytes)
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    stringKeys: true,
    merge: true,
    logLevel: 'error',
  })
  const faults = document.errors.map((error) => {
    const { line, col } = lines.linePos(error.pos[0])
    return { file, line, column: col, message: `Cannot read YAML: ${firstLine(error.message)}` }
  })
  if (faults.length > 0) throw new ConfigError(faults)
  const read = new ConfigDocument(file, document, lines)
  if (document.contents === null)
    throw new ConfigError([read.problem([], 'Cannot read config: it is empty, want at least "site:"')])
  checkAliases(read)
  return read
}

function decode(file: string, bytes: Uint8Array): string {
  const fail = (message: string) => new ConfigError([{ file, line: 1, column: 1, message }])
  if (bytes.length > MAX_BYTES)
    throw fail(`Cannot read config: it has ${bytes.length} bytes, want at most ${MAX_BYTES}`)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw fail('Cannot read config: it is not UTF-8, want UTF-8 text')
  }
}

function checkAliases(document: ConfigDocument): void {
  try {
    document.value()
  } catch (error) {
    const reason = error instanceof Error ? firstLine(error.message) : String(error)
    throw new ConfigError([document.problem([], `Cannot read YAML: ${reason}`)])
  }
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!
}
