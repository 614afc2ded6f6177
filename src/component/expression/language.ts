import { Environment, type ASTNode } from '@marcbachmann/cel-js'

/**
 * What of CEL (Common Expression Language, github.com/google/cel-spec) an expression of a config may use, and the little
 * that is added for machines. The cost of an evaluation is bounded by the length of the expression times that of the
 * longest array or text it looks at: there are no loops over lists, no regular expressions, no times, no way to
 * anything but the row of values.
 */

/** Longest expression, in UTF-16 code units; and bounds of its tree. */
export const LIMITS = {
  length: 2_000,
  maxAstNodes: 500,
  maxDepth: 50,
  maxListElements: 100,
  maxCallArguments: 8,
} as const

/** Functions and methods; everything else of the library is refused. */
export const FUNCTIONS = ['abs', 'ceil', 'floor', 'round', 'sqrt', 'min', 'max', 'mean', 'size'] as const
export const CONVERSIONS = ['int', 'double', 'string', 'bool'] as const
export const METHODS = ['startsWith', 'endsWith', 'contains', 'size'] as const

/** Operators, as the library's tree names them, that may make a known value out of an unknown one. */
export const FORGIVING: readonly ASTNode['op'][] = ['&&', '||', '?:']

/** All other nodes of a tree that an expression may have. */
export const PLAIN: readonly ASTNode['op'][] = [
  ...(['value', 'id', '.', '[]', 'call', 'rcall', 'list', '!_', '-_'] as const),
  ...(['==', '!=', '<', '<=', '>', '>=', 'in', '+', '-', '*', '/', '%'] as const),
]

/** The language without any tags; cloned for each expression. */
export function createLanguage(): Environment {
  const { length: _, ...limits } = LIMITS
  const language = new Environment({ limits, homogeneousAggregateLiterals: false })
  addMixedArithmetic(language)
  addFunctions(language)
  return language
}

/** A machine's `temperature - 273` is a double and an int, which CEL by itself does not take together. */
function addMixedArithmetic(language: Environment): void {
  const arithmetic: { readonly [operator: string]: (a: number, b: number) => number } = {
    '+': (a, b) => a + b,
    '-': (a, b) => a - b,
    '*': (a, b) => a * b,
    '/': (a, b) => a / b,
    '%': (a, b) => a % b,
  }
  for (const [operator, apply] of Object.entries(arithmetic)) {
    language.registerOperator(`double ${operator} int`, (a: number, b: bigint) => apply(a, Number(b)))
    language.registerOperator(`int ${operator} double`, (a: bigint, b: number) => apply(Number(a), b))
  }
  language.registerOperator('double % double', (a: number, b: number) => a % b)
}

type Numeric = number | bigint

function addFunctions(language: Environment): void {
  const one: { readonly [name: string]: (value: number) => number } = {
    abs: Math.abs,
    ceil: Math.ceil,
    floor: Math.floor,
    round: Math.round,
    sqrt: Math.sqrt,
  }
  for (const [name, apply] of Object.entries(one)) {
    for (const type of ['double', 'int'])
      language.registerFunction(`${name}(${type}): double`, (value: Numeric) => apply(Number(value)), SYNC)
  }
  for (const [name, apply] of [
    ['min', Math.min],
    ['max', Math.max],
  ] as const) {
    for (const types of ['double, double', 'double, int', 'int, double', 'int, int']) {
      const of = (a: Numeric, b: Numeric) => apply(Number(a), Number(b))
      language.registerFunction(`${name}(${types}): double`, of, SYNC)
    }
    language.registerFunction(`${name}(list): double`, (values: unknown[]) => fold(values, apply), SYNC)
  }
  const sum = (values: unknown[]) => fold(values, (a, b) => a + b)
  language.registerFunction('mean(list): double', (values: unknown[]) => sum(values) / values.length, SYNC)
}

const SYNC = { async: false }

/** Of an empty list, or one with something that is no number, NaN: no comparison with it is true. */
function fold(values: readonly unknown[], apply: (a: number, b: number) => number): number {
  let result = values.length === 0 ? NaN : numeric(values[0])
  for (let at = 1; at < values.length; at++) result = apply(result, numeric(values[at]))
  return result
}

function numeric(value: unknown): number {
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : NaN
}
