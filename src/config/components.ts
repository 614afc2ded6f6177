import type { z } from 'zod'
import type { ConfigDocument, DocumentPath } from './document.ts'
import { problemsOf } from './issues.ts'
import { keysAt } from './keys.ts'
import { nearest } from '../system/nearest.ts'
import type { Problem } from './problem.ts'

/** What every kind of component has. */
interface Spec {
  readonly kind: string
  readonly config: z.ZodType
}

/** A section of the file whose entries are components of a kind each: `sources`, `processors`, `sinks`. */
export interface Section<S extends Spec> {
  readonly name: 'sources' | 'processors' | 'sinks'
  /** One of them, for people. */
  readonly noun: string
  readonly specs: readonly S[]
  /** Keys that may stand beside the kind. */
  readonly options?: readonly string[]
}

export interface Component<S extends Spec> {
  readonly name: string
  readonly spec: S
  readonly config: unknown
}

/** Checks the entries of a section, each by the schema of its kind. */
export function readComponents<S extends Spec>(
  document: ConfigDocument,
  section: Section<S>,
  entries: { readonly [name: string]: { readonly [kind: string]: unknown } },
  problems: Problem[],
): Component<S>[] {
  const components: Component<S>[] = []
  for (const [name, kinds] of Object.entries(entries)) {
    const path = [section.name, name]
    const spec = specOf(document, path, kinds, section, problems)
    if (!spec) continue
    const parsed = spec.config.safeParse(kinds[spec.kind] ?? {}, { reportInput: true })
    if (parsed.success) {
      components.push({ name, spec, config: parsed.data })
    } else {
      const at = [...path, spec.kind]
      const known = (below: DocumentPath) => keysAt(spec.config, below.slice(at.length))
      problems.push(...problemsOf(document, at, parsed.error.issues, known))
    }
  }
  return components
}

function specOf<S extends Spec>(
  document: ConfigDocument,
  path: DocumentPath,
  kinds: { readonly [kind: string]: unknown },
  { noun, specs, options = [] }: Section<S>,
  problems: Problem[],
): S | undefined {
  const names = specs.map((spec) => spec.kind)
  const [kind, ...more] = Object.keys(kinds).filter((key) => !options.includes(key))
  const spec = specs.find((candidate) => candidate.kind === kind)
  if (spec && more.length === 0) return spec
  if (kind === undefined || more.length > 0) {
    const there = kind === undefined ? 'no kind' : `${more.length + 1} kinds`
    const message = `Cannot read ${noun} "${path.at(-1)}": it has ${there}, want exactly one of ${names.join(', ')}`
    problems.push(document.problem(path, message))
  } else {
    const message = `Cannot use ${noun} kind "${kind}": it is not known, want one of ${names.join(', ')}`
    problems.push(document.problemAtKey(path, kind, message, nearest(kind, names)))
  }
  return undefined
}
