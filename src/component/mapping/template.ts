import { ModelError } from '../../model/errors.ts'
import { captureNames, restName } from './pattern.ts'
import type { Captures, Pattern } from './pattern.ts'

/** A text with captures to be filled in: `fleet/{car}`. Texts and names alternate, texts at both ends. */
export interface Template {
  readonly texts: readonly string[]
  readonly names: readonly string[]
}

const REFERENCE = /\{([A-Za-z_][A-Za-z0-9_-]*)(\.\.\.)?\}/g

/**
 * Reads a template whose references must be captures of `pattern`; `{name...}` may be written for a rest.
 * @throws ModelError `BAD_PATTERN` naming the reference and the captures there are.
 */
export function parseTemplate(text: string, pattern: Pattern): Template {
  const known = captureNames(pattern.segments)
  const texts: string[] = []
  const names: string[] = []
  let end = 0
  for (const match of text.matchAll(REFERENCE)) {
    const name = match[1]!
    if (!known.includes(name)) throw fault(text, `"{${name}}" is no capture of "${pattern.text}", want ${among(known)}`)
    if (match[2] !== undefined && restName(pattern) !== name) {
      throw fault(text, `"${match[0]}" is one segment in "${pattern.text}", want {${name}}`)
    }
    texts.push(text.slice(end, match.index))
    names.push(name)
    end = match.index + match[0].length
  }
  texts.push(text.slice(end))
  const stray = texts.find((part) => /[{}]/.test(part))
  if (stray !== undefined) throw fault(text, `it has a brace in "${stray}", want {name} with ${among(known)}`)
  return { texts, names }
}

/** The text with what was captured. */
export function fillTemplate(template: Template, captures: Captures): string {
  return template.names.reduce(
    (text, name, index) => text + captures.get(name)! + template.texts[index + 1]!,
    template.texts[0]!,
  )
}

function among(names: readonly string[]): string {
  return names.length === 0 ? 'a pattern with captures' : `one of ${names.map((name) => `{${name}}`).join(', ')}`
}

function fault(text: string, what: string): ModelError {
  return new ModelError('BAD_PATTERN', `Cannot read ${JSON.stringify(text.slice(0, 200))}: ${what}`)
}
