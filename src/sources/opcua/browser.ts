import type { ReferenceDescription } from 'node-opcua-client'
import type { Library } from './library.ts'
import type { Link } from './link.ts'

/** Most variables one object may have, and the deepest nesting of objects: a server's address space has cycles. */
const MOST_VARIABLES = 100_000
const DEEPEST = 10

/** Nodes browsed or read in one request: what small servers (PLCs) take without complaint. */
const NODES_A_REQUEST = 100

const HAS_COMPONENT = 'i=47'
/** Node classes (OPC 10000-3 8.29). */
const OBJECT = 1
const VARIABLE = 2
const METHOD = 4

interface Child {
  readonly nodeId: string
  readonly isVariable: boolean
  readonly isMethod: boolean
  readonly isComponent: boolean
  readonly name: string
  readonly browseName: { readonly namespace: string; readonly name: string }
}

/** The server's address space, as far as rules and commands need it. */
export class Browser {
  readonly #link: Link
  readonly #library: Library

  constructor(link: Link, library: Library) {
    this.#link = link
    this.#library = library
  }

  /** A node id with this connection's namespace index; undefined where the server lacks the namespace. */
  localId(node: string): string | undefined {
    const match = /^nsu=([^;]+);(.*)$/s.exec(node)
    if (!match) return node
    const index = this.#link.namespaces.indexOf(match[1]!)
    return index < 0 ? undefined : `ns=${index};${match[2]!}`
  }

  /** Kind and browse name of a node, or what the server says instead. */
  async look(nodeId: string): Promise<{ isVariable: boolean; name: string } | string> {
    const { AttributeIds } = this.#library
    const [kind, name] = await this.#link.session.read([
      { nodeId, attributeId: AttributeIds.NodeClass },
      { nodeId, attributeId: AttributeIds.BrowseName },
    ])
    if (kind!.statusCode.value !== 0) return kind!.statusCode.name
    const browseName = name!.value.value as { name?: string } | null
    return { isVariable: kind!.value.value === VARIABLE, name: browseName?.name ?? '' }
  }

  /** Objects and variables right below each node, or what else is asked for, in the server's order. */
  async children(nodeIds: readonly string[], classes = OBJECT | VARIABLE): Promise<Child[][]> {
    const { BrowseDirection, browseAll } = this.#library
    const all: Child[][] = []
    for (let at = 0; at < nodeIds.length; at += NODES_A_REQUEST) {
      const results = await browseAll(
        this.#link.session,
        nodeIds.slice(at, at + NODES_A_REQUEST).map((nodeId) => ({
          nodeId,
          browseDirection: BrowseDirection.Forward,
          referenceTypeId: 'HierarchicalReferences',
          includeSubtypes: true,
          nodeClassMask: classes,
          // Everything there is to know about a reference.
          resultMask: 63,
        })),
      )
      all.push(...results.map((result) => (result.references ?? []).map((reference) => this.#child(reference))))
    }
    return all
  }

  #child(reference: ReferenceDescription): Child {
    const name = reference.browseName.name ?? ''
    return {
      nodeId: reference.nodeId.toString(),
      isVariable: (reference.nodeClass as number) === VARIABLE,
      isMethod: (reference.nodeClass as number) === METHOD,
      isComponent: reference.referenceTypeId.toString() === `ns=0;${HAS_COMPONENT}`,
      name,
      browseName: { namespace: this.#link.namespaces[reference.browseName.namespaceIndex] ?? '', name },
    }
  }

  /**
   * Variables of an object, by their tag: browse names from the object down, joined with dots. Properties of a
   * variable (its range, its unit) describe it and are no tags.
   */
  async variables(root: string): Promise<(readonly [tag: string, nodeId: string])[]> {
    const tags: (readonly [string, string])[] = []
    const seen = new Set([root])
    let level = [{ nodeId: root, prefix: '', isVariable: false }]
    for (let depth = 0; depth < DEEPEST && level.length > 0 && tags.length < MOST_VARIABLES; depth += 1) {
      const children = await this.children(level.map((node) => node.nodeId))
      level = level.flatMap((node, index) =>
        children[index]!.filter((child) => !seen.has(child.nodeId) && (!node.isVariable || child.isComponent)).map(
          (child) => {
            seen.add(child.nodeId)
            const tag = node.prefix + child.name
            if (child.isVariable) tags.push([tag, child.nodeId])
            return { nodeId: child.nodeId, prefix: `${tag}.`, isVariable: child.isVariable }
          },
        ),
      )
    }
    return tags
  }

  /**
   * A method of an object, by its browse name, or by those from the object down joined with dots; with the object that has
   * it, on which it is called. Undefined: the object has none.
   */
  async method(root: string, name: string): Promise<{ objectId: string; methodId: string } | undefined> {
    let level = [{ nodeId: root, rest: name }]
    for (let depth = 0; depth < DEEPEST && level.length > 0; depth += 1) {
      const children = await this.children(
        level.map(({ nodeId }) => nodeId),
        OBJECT | METHOD,
      )
      for (const [index, { nodeId, rest }] of level.entries()) {
        const found = children[index]!.find((child) => child.isMethod && child.name === rest)
        if (found !== undefined) return { objectId: nodeId, methodId: found.nodeId }
      }
      level = level.flatMap(({ rest }, index) =>
        children[index]!.filter((child) => !child.isMethod && rest.startsWith(`${child.name}.`)).map((child) => {
          return { nodeId: child.nodeId, rest: rest.slice(child.name.length + 1) }
        }),
      )
    }
    return undefined
  }
}
