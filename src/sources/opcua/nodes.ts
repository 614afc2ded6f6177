import type { ReferenceDescription } from 'node-opcua-client'
import { tagFault, under } from '../../model/path.ts'
import { fill, matchSegment, parseBrowsePath, type Captured } from './browse-path.ts'
import type { Library } from './library.ts'
import type { Link } from './link.ts'
import type { NodeRule } from './spec.ts'

/** Most variables one rule may stand for, and the deepest nesting of objects: a server's address space has cycles. */
const MOST_VARIABLES = 100_000
const DEEPEST = 10

/** Nodes browsed or read in one request: what small servers (PLCs) take without complaint. */
const NODES_A_REQUEST = 100

/** Objects that are browsed at the same time. */
const OBJECTS_AT_ONCE = 16

const HAS_COMPONENT = 'i=47'
/** Node class of variables (OPC 10000-3 8.29). */
const VARIABLE = 2

const OBJECTS_FOLDER = 'i=85'

/** A variable to subscribe to. */
export interface Item {
  /** With the namespace index that is valid on this connection. */
  readonly nodeId: string
  readonly asset: string
  readonly tag: string
}

/** What is wrong with one rule, or with one node that it found. */
export interface NodeFault {
  readonly rule: NodeRule
  readonly name: string
  readonly reason: string
}

export interface Resolution {
  readonly items: readonly Item[]
  readonly faults: readonly NodeFault[]
}

/** A node a rule found, not yet known whether object or variable. */
interface Found {
  readonly nodeId: string
  readonly isVariable: boolean
  readonly name: string
  readonly captured: Captured
}

/**
 * Finds the variables that the rules name on this server. A rule that finds nothing, or finds something that cannot be
 * used, harms only itself.
 * @throws where the connection breaks meanwhile.
 */
export async function resolveNodes(
  rules: readonly NodeRule[],
  link: Link,
  library: Library,
  site: string,
): Promise<Resolution> {
  const browser = new Browser(link, library)
  const items = new Map<string, Item>()
  const faults: NodeFault[] = []
  for (const rule of rules) {
    const blame = (name: string, reason: string) => faults.push({ rule, name, reason })
    const found = rule.node === undefined ? await findByPath(browser, rule) : await findById(browser, rule.node)
    if (typeof found === 'string') blame(nameOf(rule), found)
    else await addItems(browser, rule, found, site, items, blame)
  }
  return { items: [...items.values()], faults }
}

/** A rule as people wrote it. */
function nameOf(rule: NodeRule): string {
  return rule.node ?? (Array.isArray(rule.browse) ? rule.browse.join('/') : rule.browse!)
}

async function findById(browser: Browser, node: string): Promise<Found[] | string> {
  const nodeId = browser.localId(node)
  if (nodeId === undefined) return `Cannot find node "${node}": the server has no such namespace, want one of its own`
  const known = await browser.look(nodeId)
  if (typeof known === 'string') return `Cannot find node "${node}": the server says ${known}`
  return [{ nodeId, ...known, captured: new Map() }]
}

async function findByPath(browser: Browser, rule: NodeRule): Promise<Found[] | string> {
  const { segments } = parseBrowsePath(rule.browse!)
  let level: Found[] = [{ nodeId: OBJECTS_FOLDER, isVariable: false, name: 'Objects', captured: new Map() }]
  for (const segment of segments) {
    const children = await browser.children(level.map((node) => node.nodeId))
    level = level.flatMap((node, index) =>
      children[index]!.flatMap((child) => {
        const captured = matchSegment(segment, child.browseName, node.captured)
        return captured ? [{ ...child, captured }] : []
      }),
    )
    if (level.length === 0) return `Cannot find nodes: none has a browse name like ${segment.pattern.source}`
  }
  return level
}

async function addItems(
  browser: Browser,
  rule: NodeRule,
  found: readonly Found[],
  site: string,
  items: Map<string, Item>,
  blame: (name: string, reason: string) => void,
): Promise<void> {
  const wanted = rule.tags === undefined ? undefined : new Set(rule.tags)
  const listed = await listTags(browser, rule, found)
  for (const [index, node] of found.entries()) {
    const asset = assetOf(rule, node, site)
    if (typeof asset !== 'string') {
      blame(node.name, asset.fault)
      continue
    }
    const tags = listed[index]!
    const kept = wanted === undefined || node.isVariable ? tags : tags.filter(([tag]) => wanted.has(tag))
    for (const tag of wanted ?? []) {
      if (!kept.some(([known]) => known === tag))
        blame(`${asset}: ${tag}`, `Cannot find tag "${tag}": ${node.name} has no such variable`)
    }
    for (const [tag, nodeId] of kept) addItem({ nodeId, asset, tag }, items, blame)
    if (tags.length === 0) blame(node.name, 'Cannot find tags: it has no variables')
  }
}

type Tags = readonly (readonly [tag: string, nodeId: string])[]

/** The variables of each node found: a line of 500 machines must not take 500 round trips one after the other. */
async function listTags(browser: Browser, rule: NodeRule, found: readonly Found[]): Promise<Tags[]> {
  const listed: Tags[] = []
  for (let at = 0; at < found.length; at += OBJECTS_AT_ONCE) {
    const group = found.slice(at, at + OBJECTS_AT_ONCE).map(async (node): Promise<Tags> => {
      return node.isVariable ? [[rule.tag ?? node.name, node.nodeId]] : browser.variables(node.nodeId)
    })
    listed.push(...(await Promise.all(group)))
  }
  return listed
}

function addItem(item: Item, items: Map<string, Item>, blame: (name: string, reason: string) => void): void {
  const key = `${item.asset}\n${item.tag}`
  const fault = tagFault(item.tag)
  const taken = items.get(key)
  if (fault !== undefined) blame(item.nodeId, `Cannot use tag: ${fault}`)
  else if (taken === undefined) items.set(key, item)
  else if (taken.nodeId !== item.nodeId) {
    blame(
      item.nodeId,
      `Cannot use tag "${item.tag}" of ${item.asset}: ${taken.nodeId} has it already, want another name`,
    )
  }
}

function assetOf(rule: NodeRule, node: Found, site: string): string | { fault: string } {
  try {
    return under(site, fill(rule.asset, node.captured))
  } catch (error) {
    return { fault: (error as Error).message }
  }
}

interface Child {
  readonly nodeId: string
  readonly isVariable: boolean
  readonly isComponent: boolean
  readonly name: string
  readonly browseName: { readonly namespace: string; readonly name: string }
}

/** The server's address space, as far as rules need it. */
class Browser {
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

  /** Objects and variables right below each node, in the server's order. */
  async children(nodeIds: readonly string[]): Promise<Child[][]> {
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
          // Objects (1) and variables (2), with everything there is to know about a reference.
          nodeClassMask: 3,
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
}
