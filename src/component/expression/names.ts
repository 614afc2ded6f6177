import type { ASTNode } from '@marcbachmann/cel-js'
import { nearest } from '../../system/nearest.ts'
import { CONVERSIONS, FORGIVING, FUNCTIONS, METHODS, PLAIN } from './language.ts'

/** Something in an expression that may not be there. */
export interface NameFault {
  /** Offset in the text. */
  readonly at: number
  readonly reason: string
  readonly suggestion?: string
}

/** What an expression looks at. */
export interface Names {
  /** By tag the identifier that stands for it in `text`. */
  readonly tags: ReadonlyMap<string, string>
  /** The expression with an identifier for each tag; everything else is at the place where it was. */
  readonly text: string
  /** Whether it may have a value though a tag has none. */
  readonly forgiving: boolean
}

/**
 * Finds the tags in the tree of an expression: `temperature`, `motor.temperature`, `tag("Process temperature [K]")`.
 * Where the tags of a machine are known the longest name that is one of them is taken, and what follows it is a field.
 */
export function findNames(
  tree: ASTNode,
  known: ReadonlySet<string> | undefined,
  isTaken: (identifier: string) => boolean,
): Names | NameFault {
  const finder = new Finder(known)
  finder.visit(tree)
  if (finder.fault) return finder.fault
  const tags = identifiers(finder.places, isTaken)
  return { tags, text: replaced(tree.input, finder.places, tags), forgiving: finder.forgiving }
}

export function isFault(names: Names | NameFault): names is NameFault {
  return 'reason' in names
}

class Finder {
  readonly places: Place[] = []
  fault: NameFault | undefined
  forgiving = false
  readonly #known: ReadonlySet<string> | undefined

  constructor(known: ReadonlySet<string> | undefined) {
    this.#known = known
  }

  visit(node: ASTNode): void {
    if (this.fault) return
    if (FORGIVING.includes(node.op)) this.forgiving = true
    else if (!PLAIN.includes(node.op)) return this.#refuse(node, `"${sourceOf(node)}" is not available here`)
    switch (node.op) {
      case 'id':
      case '.':
        return this.#path(node)
      case 'call':
        return this.#call(node)
      case 'rcall':
        this.#check(node, node.args[0], METHODS, 'method')
        return [node.args[1], ...node.args[2]].forEach((one) => this.visit(one))
      case 'value':
        return
      default:
        for (const one of [node.args].flat()) this.visit(one as ASTNode)
    }
  }

  /** A name with dots: a tag, or a tag and fields of it. */
  #path(node: ASTNode): void {
    const parts = partsOf(node)
    if (parts === undefined) return node.op === '.' ? this.visit(node.args[0]) : undefined
    const names = parts.map((_, index) =>
      parts
        .slice(0, index + 1)
        .map(({ name }) => name)
        .join('.'),
    )
    const whole = parts.length - 1
    const at = this.#known === undefined ? whole : names.findLastIndex((name) => this.#known!.has(name))
    if (at < 0) return this.#unknown(node, names[whole]!)
    this.places.push({ start: node.start, end: parts[at]!.end, tag: names[at]!, isName: true })
  }

  #call(node: ASTNode & { op: 'call' }): void {
    const [name, given] = node.args
    if (name !== 'tag') {
      this.#check(node, name, [...FUNCTIONS, ...CONVERSIONS, 'tag'], 'function')
      return given.forEach((one) => this.visit(one))
    }
    const tag = given[0]?.op === 'value' && given.length === 1 ? given[0].args : undefined
    if (typeof tag !== 'string') return this.#refuse(node, 'tag(...) has no name, want e.g. tag("Air temperature [K]")')
    if (this.#known !== undefined && !this.#known.has(tag)) return this.#unknown(node, tag)
    this.places.push({ start: node.start, end: node.end, tag, isName: false })
  }

  #check(node: ASTNode, name: string, allowed: readonly string[], what: string): void {
    if (allowed.includes(name)) return
    this.#refuse(node, `there is no ${what} "${name}", want one of ${allowed.join(', ')}`, nearest(name, allowed))
  }

  #unknown(node: ASTNode, name: string): void {
    const known = [...this.#known!]
    const list = known.length > 12 ? `${known.slice(0, 12).join(', ')}, ...` : known.join(', ')
    this.#refuse(node, `there is no tag "${name}", want one of ${list}`, nearest(name, known))
  }

  #refuse(node: ASTNode, reason: string, suggestion?: string): void {
    this.fault ??= { at: node.start, reason, ...(suggestion === undefined ? {} : { suggestion }) }
  }
}

interface Place {
  readonly start: number
  readonly end: number
  readonly tag: string
  /** It was written as a name, so what stands there is one; else it was given to `tag(...)` and may be anything. */
  readonly isName: boolean
}

/**
 * An identifier for each tag: its name where it is one, `motor_temperature` for `motor.temperature`, which is as long, so
 * that faults that are found later are where people see them.
 */
function identifiers(places: readonly Place[], isTaken: (name: string) => boolean): Map<string, string> {
  const byTag = new Map<string, string>()
  const taken = new Set<string>()
  const give = (tag: string, identifier: string): boolean => {
    if (byTag.has(tag) || taken.has(identifier) || isTaken(identifier)) return byTag.has(tag)
    taken.add(identifier)
    byTag.set(tag, identifier)
    return true
  }
  const names = places.filter(({ isName }) => isName).map(({ tag }) => tag)
  for (const tag of names) if (!tag.includes('.')) give(tag, tag)
  for (const tag of names) if (tag.includes('.')) give(tag, tag.replaceAll('.', '_'))
  for (const { tag } of places) for (let number = 0; !give(tag, `tag_${number}`); number++);
  return new Map(places.map(({ tag }) => [tag, byTag.get(tag)!]))
}

function replaced(text: string, places: readonly Place[], byTag: ReadonlyMap<string, string>): string {
  let result = text
  for (const { start, end, tag } of places.toSorted((a, b) => b.start - a.start)) {
    result = result.slice(0, start) + byTag.get(tag)!.padEnd(end - start) + result.slice(end)
  }
  return result
}

/** The names of `a.b.c` with the offset at which each ends; undefined where it is something else. */
function partsOf(node: ASTNode): readonly { readonly name: string; readonly end: number }[] | undefined {
  if (node.op === 'id') return [{ name: node.args, end: node.end }]
  if (node.op !== '.') return undefined
  const before = partsOf(node.args[0])
  return before && [...before, { name: node.args[1], end: node.end }]
}

function sourceOf(node: ASTNode): string {
  return node.input.slice(node.start, node.end)
}
