import { tagFault, under } from '../../model/path.ts'
import { fill, matchSegment, parseBrowsePath, type Captured } from './browse-path.ts'
import { Browser } from './browser.ts'
import type { Library } from './library.ts'
import type { Link } from './link.ts'
import type { NodeRule } from './spec.ts'

/** Objects that are browsed at the same time. */
const OBJECTS_AT_ONCE = 16

const OBJECTS_FOLDER = 'i=85'

/** A variable to subscribe to. */
export interface Item {
  /** With the namespace index that is valid on this connection. */
  readonly nodeId: string
  readonly asset: string
  readonly tag: string
  readonly rule: NodeRule
}

/** What is wrong with one rule, or with one node that it found. */
export interface NodeFault {
  readonly rule: NodeRule
  readonly name: string
  readonly reason: string
}

/** An object that stands for an asset: its methods are those of the asset. */
export interface Machine {
  readonly nodeId: string
  readonly asset: string
  readonly rule: NodeRule
}

export interface Resolution {
  readonly items: readonly Item[]
  readonly machines: readonly Machine[]
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
  const machines: Machine[] = []
  const faults: NodeFault[] = []
  for (const rule of rules) {
    const blame = (name: string, reason: string) => faults.push({ rule, name, reason })
    const found = rule.node === undefined ? await findByPath(browser, rule) : await findById(browser, rule.node)
    if (typeof found === 'string') blame(nameOf(rule), found)
    else {
      const placed = place(rule, found, site, blame)
      for (const { nodeId, asset, isVariable } of placed) if (!isVariable) machines.push({ nodeId, asset, rule })
      await addItems(browser, rule, placed, items, blame)
    }
  }
  return { items: [...items.values()], machines, faults }
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

/** A node a rule found, and the asset that it belongs to. */
interface Placed extends Found {
  readonly asset: string
}

type Blame = (name: string, reason: string) => void

function place(rule: NodeRule, found: readonly Found[], site: string, blame: Blame): Placed[] {
  const placed: Placed[] = []
  for (const node of found) {
    const asset = assetOf(rule, node, site)
    if (typeof asset === 'string') placed.push({ ...node, asset })
    else blame(node.name, asset.fault)
  }
  return placed
}

async function addItems(
  browser: Browser,
  rule: NodeRule,
  found: readonly Placed[],
  items: Map<string, Item>,
  blame: Blame,
): Promise<void> {
  const wanted = rule.tags === undefined ? undefined : new Set(rule.tags)
  const listed = await listTags(browser, rule, found)
  for (const [index, node] of found.entries()) {
    const { asset } = node
    const tags = listed[index]!
    const kept = wanted === undefined || node.isVariable ? tags : tags.filter(([tag]) => wanted.has(tag))
    for (const tag of wanted ?? []) {
      if (!kept.some(([known]) => known === tag))
        blame(`${asset}: ${tag}`, `Cannot find tag "${tag}": ${node.name} has no such variable`)
    }
    for (const [tag, nodeId] of kept) addItem({ nodeId, asset, tag, rule }, items, blame)
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

function addItem(item: Item, items: Map<string, Item>, blame: Blame): void {
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
