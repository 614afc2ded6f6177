import { templateMatches } from './browse-path.ts'
import type { Library } from './library.ts'
import type { Link } from './link.ts'
import { resolveNodes, type Item, type Machine, type NodeFault } from './nodes.ts'
import type { NodeRule } from './spec.ts'

/** The nodes of one connection: what was found, and what has to be tried again. */
export class KnownNodes {
  readonly #link: Link
  readonly #library: Library
  readonly #rules: readonly NodeRule[]
  readonly #site: string
  readonly #known = new Map<string, Item>()
  readonly #machines = new Map<string, Machine[]>()
  #faults: readonly NodeFault[] = []
  /** Items the server refuses, with the reason. */
  readonly refused = new Map<Item, string>()

  constructor(link: Link, library: Library, rules: readonly NodeRule[], site: string) {
    this.#link = link
    this.#library = library
    this.#rules = rules
    this.#site = site
  }

  /** Finds what is not known yet. */
  async find(rules: readonly NodeRule[] = this.#rules): Promise<Item[]> {
    const { items, machines, faults } = await resolveNodes(rules, this.#link, this.#library, this.#site)
    const taken: NodeFault[] = []
    const fresh: Item[] = []
    for (const item of items) {
      const key = keyOf(item.asset, item.tag)
      const before = this.#known.get(key)
      if (before === undefined) fresh.push(item)
      else if (before.nodeId !== item.nodeId) taken.push(takenFault(item, before))
    }
    for (const item of fresh) this.#known.set(keyOf(item.asset, item.tag), item)
    for (const machine of machines) this.#addMachine(machine)
    this.#faults = [...faults, ...taken]
    return fresh
  }

  #addMachine(machine: Machine): void {
    const known = this.#machines.get(machine.asset) ?? []
    if (known.every(({ nodeId }) => nodeId !== machine.nodeId)) this.#machines.set(machine.asset, [...known, machine])
  }

  /** Rules that the server has not understood: what they stand for is not known yet. */
  get open(): readonly NodeRule[] {
    return this.#faults.map(({ rule }) => rule)
  }

  /** The node that a tag is read from. */
  item(asset: string, tag: string): Item | undefined {
    return this.#known.get(keyOf(asset, tag))
  }

  /** The objects that stand for an asset. */
  machines(asset: string): readonly Machine[] {
    return this.#machines.get(asset) ?? []
  }

  /** Items that were refused, and those of rules that had a fault; nothing where all is well. */
  async findAgain(): Promise<Item[]> {
    const refused = [...this.refused.keys()]
    this.refused.clear()
    const rules = new Set(this.#faults.map((fault) => fault.rule))
    return rules.size === 0 ? refused : [...refused, ...(await this.find([...rules]))]
  }

  faults(): { name: string; reason: string }[] {
    const refused = [...this.refused].map(([item, reason]) => ({ name: `${item.asset}: ${item.tag}`, reason }))
    return [...this.#faults.map(({ name, reason }) => ({ name, reason })), ...refused]
  }
}

function keyOf(asset: string, tag: string): string {
  return `${asset}\n${tag}`
}

function takenFault({ asset, tag, nodeId, rule }: Item, before: Item): NodeFault {
  const reason = `Cannot use tag "${tag}" of ${asset}: ${before.nodeId} has it already, want another name`
  return { rule, name: nodeId, reason }
}

/** Whether a rule may stand for an asset, as far as its text tells; what the server has is not known yet. */
export function couldReach(rules: readonly NodeRule[], site: string, asset: string): boolean {
  return rules.some((rule) => asset.startsWith(`${site}/`) && templateMatches(rule.asset, asset.slice(site.length + 1)))
}
