import { EvaluationError, ParseError, TypeError as CelTypeError, type ParseResult } from '@marcbachmann/cel-js'
import type { TagDefinition, TagType } from '../../model/definition.ts'
import type { Value } from '../../model/reading.ts'
import { createLanguage, LIMITS } from './language.ts'
import { findNames, isFault, type Names } from './names.ts'

/**
 * A compiled expression over the tags of one asset, in CEL: `temperature > 95 && state == "Execute"`. It depends on
 * nothing but the row of values that it is given.
 */
export interface Expression {
  /** As it was written. */
  readonly text: string
  /** Tags it looks at, in order of their appearance. */
  readonly tags: readonly string[]
  /**
   * Its value on a row; undefined: unknown, because a tag that decides has no usable value, or a division by zero. `&&` and
   * `||` are known where one side alone decides (CEL's rule for errors, which is Kleene's logic of three values).
   * @throws ExpressionError where values have types that it cannot take, such as a text compared with a number
   */
  evaluate(row: Row): Value | undefined
}

/** Usable values by tag: those that are there and not Bad. */
export interface Row {
  get(tag: string): Value | undefined
}

export interface ExpressionOptions {
  /** Tags of the machines it is for; absent: any name may be one. */
  readonly tags?: ReadonlyMap<string, TagDefinition>
  /** What its value has to be: true or false, or a number. Where it cannot be told before, it is looked at then. */
  readonly yields?: 'bool' | 'number'
}

/** An expression that cannot be read, or that cannot take the values it is given. */
export class ExpressionError extends Error {
  readonly code = 'BAD_EXPRESSION'
  /** From 1; undefined where it is the whole. */
  readonly column: number | undefined
  /** What was probably meant. */
  readonly suggestion: string | undefined

  constructor(message: string, column?: number, suggestion?: string) {
    super(suggestion === undefined ? message : `${message}; did you mean "${suggestion}"?`)
    this.name = 'ExpressionError'
    this.column = column
    this.suggestion = suggestion
  }
}

const LANGUAGE = createLanguage()

/**
 * Parses, checks and compiles an expression.
 * @throws ExpressionError with the column and, for a name that is not there, what was probably meant
 */
export function parseExpression(text: string, options: ExpressionOptions = {}): Expression {
  if (text.length > LIMITS.length)
    throw fault(text, `it has ${text.length} characters, want at most ${LIMITS.length}`, undefined)
  const tree = parse(text, text, LANGUAGE).ast
  const known = options.tags && new Set(options.tags.keys())
  const names = findNames(tree, known, (name) => LANGUAGE.hasVariable(name))
  if (isFault(names)) throw fault(text, names.reason, names.at, names.suggestion)
  const language = LANGUAGE.clone()
  for (const [tag, identifier] of names.tags)
    language.registerVariable(identifier, celType(options.tags?.get(tag)?.type))
  const compiled = parse(text, names.text, language)
  const checked = compiled.check()
  if (!checked.valid) throw libraryFault(text, checked.error)
  checkYield(text, checked.type ?? 'dyn', options.yields)
  return new Compiled(text, names, compiled, options.yields)
}

function parse(text: string, rewritten: string, language: typeof LANGUAGE): ParseResult {
  try {
    return language.parse(rewritten)
  } catch (error) {
    throw libraryFault(text, error)
  }
}

function checkYield(text: string, type: string, wanted: ExpressionOptions['yields']): void {
  if (wanted === undefined || type === 'dyn') return
  const fits = wanted === 'bool' ? type === 'bool' : type === 'double' || type === 'int'
  if (!fits) throw fault(text, `it yields ${type}, want ${wanted === 'bool' ? 'true or false' : 'a number'}`, undefined)
}

function celType(type: TagType | undefined): string {
  switch (type) {
    case 'boolean':
      return 'bool'
    case 'number':
      return 'double'
    case 'int64':
      return 'int'
    case 'string':
      return 'string'
    case 'array':
      return 'list'
    case 'structure':
      return 'map'
    default:
      return 'dyn'
  }
}

class Compiled implements Expression {
  readonly text: string
  readonly tags: readonly string[]
  readonly #identifiers: readonly string[]
  readonly #forgiving: boolean
  readonly #compiled: ParseResult
  readonly #yields: ExpressionOptions['yields']
  /** What the library sees: an identifier for each tag, undefined where it has no value. */
  readonly #context: { [identifier: string]: Value | undefined } = {}

  constructor(text: string, names: Names, compiled: ParseResult, yields: ExpressionOptions['yields']) {
    this.text = text
    this.tags = [...names.tags.keys()]
    this.#identifiers = [...names.tags.values()]
    this.#forgiving = names.forgiving
    this.#compiled = compiled
    this.#yields = yields
    for (const identifier of this.#identifiers) this.#context[identifier] = undefined
  }

  evaluate(row: Row): Value | undefined {
    for (let index = 0; index < this.tags.length; index++) {
      const value = row.get(this.tags[index]!)
      if (value === undefined && !this.#forgiving) return undefined
      this.#context[this.#identifiers[index]!] = value instanceof Uint8Array ? undefined : value
    }
    try {
      return this.#fitting(this.#compiled(this.#context) as Value)
    } catch (error) {
      if (error instanceof EvaluationError && UNKNOWN.has(error.code)) return undefined
      throw libraryFault(this.text, error, 'evaluate')
    }
  }

  #fitting(value: Value): Value {
    if (this.#yields === undefined) return value
    const type = typeof value
    const fits = this.#yields === 'bool' ? type === 'boolean' : type === 'number' || type === 'bigint'
    if (fits) return value
    const wanted = this.#yields === 'bool' ? 'true or false' : 'a number'
    throw new ExpressionError(
      `Cannot evaluate expression ${JSON.stringify(this.text)}: it is a ${type}, want ${wanted}`,
    )
  }
}

/** Faults of the library that mean: of these values, nobody knows. All others are faults of the expression. */
const UNKNOWN = new Set([
  'unknown_variable',
  'division_by_zero',
  'modulo_by_zero',
  'numeric_overflow',
  'no_such_key',
  'index_out_of_bounds',
])

function libraryFault(text: string, error: unknown, doing = 'read'): ExpressionError {
  if (!(error instanceof ParseError || error instanceof CelTypeError || error instanceof EvaluationError))
    return error instanceof ExpressionError ? error : fault(text, (error as Error).message, undefined, undefined, doing)
  return fault(text, reasonOf(error.summary), error.range?.start, undefined, doing)
}

function fault(text: string, reason: string, at: number | undefined, suggestion?: string, doing = 'read') {
  const shown = text.length > 80 ? `${text.slice(0, 77)}...` : text
  const column = at === undefined ? undefined : at + 1
  const where = column === undefined ? '' : ` at column ${column}`
  return new ExpressionError(
    `Cannot ${doing} expression ${JSON.stringify(shown)}${where}: ${reason}`,
    column,
    suggestion,
  )
}

/** What the library says, in our words. */
function reasonOf(summary: string): string {
  if (summary === 'Unexpected token: EOF') return 'it ends before it is complete'
  const plain = summary.replaceAll(/dyn<(\w+)>/g, '$1').replace(/^no such overload:/i, 'cannot work out')
  return plain.slice(0, 1).toLowerCase() + plain.slice(1)
}
