import { z } from 'zod'
import { parseDuration } from '../../system/duration.ts'
import { ExpressionError, parseExpression, type Expression, type Row } from './expression.ts'

/** A condition and how long it has to hold: `temperature > 95 for 30s`. */
export interface When {
  /** As it was written. */
  readonly text: string
  readonly expression: Expression
  /** 0: at once. */
  readonly forMs: number
}

/** What follows the last ` for ` where it is a duration; an expression itself cannot end so. */
const FOR = /^(.*\S)\s+for\s+(\d[\d.]*\s*[a-z]+)\s*$/s

/** @throws ExpressionError */
export function parseWhen(text: string): When {
  const parts = FOR.exec(text)
  if (parts === null) return { text, expression: parseExpression(text, { yields: 'bool' }), forMs: 0 }
  const forMs = parseDuration(parts[2]!)
  if (forMs === undefined) {
    const reason = `${parts[2]} is no duration, want e.g. 500ms, 30s, 5m`
    throw new ExpressionError(
      `Cannot read expression ${JSON.stringify(text)}: ${reason}`,
      text.lastIndexOf(parts[2]!) + 1,
    )
  }
  return { text, expression: parseExpression(parts[1]!, { yields: 'bool' }), forMs }
}

/** The number that an expression yields; undefined: unknown, or not a number (0.0 / 0). */
export function numberOf(expression: Expression, row: Row): number | undefined {
  const value = expression.evaluate(row)
  if (value === undefined) return undefined
  const number = Number(value)
  return Number.isNaN(number) ? undefined : number
}

/** A field that holds a condition, with or without `for`. */
export const whenField = z
  .string()
  .transform(reading(parseWhen))
  .describe('A condition in CEL over the tags of the asset, and how long it has to hold: "temperature > 95 for 30s"')

/** A field that holds a number worked out from tags; the name of a tag is the simplest. */
export const numberField = z
  .union([z.string(), z.number()])
  .transform((given, context) => readNumber(String(given), context))
  .describe('A number, a tag, or an expression in CEL that yields a number: "temperature", "process - air"')

/** A field that holds an expression, of whatever type its value is. */
export const expressionField = z
  .string()
  .transform(reading((text) => parseExpression(text)))
  .describe('An expression in CEL over the tags of the asset: "voltage * current"')

const readNumber = reading((text) => parseExpression(text, { yields: 'number' }))

function reading<T>(parse: (text: string) => T) {
  return (text: string, context: z.RefinementCtx): T => {
    try {
      return parse(text)
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error
      context.addIssue({ code: 'custom', message: error.message })
      return z.NEVER
    }
  }
}
