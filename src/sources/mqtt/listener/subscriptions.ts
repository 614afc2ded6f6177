/** One client's wish: how it wants the messages of a filter. */
export interface Wish {
  /** 0 or 1. */
  readonly qos: number
  /** Not the messages it published itself (MQTT 5, 3.8.3.1). */
  readonly noLocal: boolean
}

/** Who gets a message, and how: of overlapping filters the highest QoS counts, and it comes once. */
export type Matches<S> = ReadonlyMap<S, Wish>

/** What is remembered between two changes: this many short topics with few subscribers each. */
const REMEMBERED = { topics: 4096, characters: 256, subscribers: 16 } as const

interface Node<S> {
  readonly children: Map<string, Node<S>>
  readonly wishes: Map<S, Wish>
}

/** All subscriptions of a listener, as a tree of topic levels. `S` is what subscribes: a session. */
export class Subscriptions<S> {
  readonly #root: Node<S> = emptyNode()
  readonly #remembered = new Map<string, Matches<S>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Adds or replaces; the filter has been checked. */
  add(subscriber: S, filter: string, wish: Wish): void {
    let node = this.#root
    for (const level of filter.split('/')) {
      let child = node.children.get(level)
      if (child === undefined) {
        child = emptyNode()
        node.children.set(level, child)
      }
      node = child
    }
    if (!node.wishes.has(subscriber)) this.#size++
    node.wishes.set(subscriber, wish)
    this.#remembered.clear()
  }

  remove(subscriber: S, filter: string): void {
    if (this.#prune(this.#root, subscriber, filter.split('/'), 0)) this.#size--
    this.#remembered.clear()
  }

  match(topic: string): Matches<S> {
    const known = this.#remembered.get(topic)
    if (known !== undefined) return known
    const found = new Map<S, Wish>()
    collect(this.#root, topic.split('/'), 0, found)
    this.#remember(topic, found)
    return found
  }

  /** Whether there is one among those whose filter meets this one: some topic matches both. */
  anyWithin(filter: string, wanted: (subscriber: S) => boolean): boolean {
    return meets(this.#root, filter.split('/'), 0, wanted)
  }

  #remember(topic: string, found: Matches<S>): void {
    if (topic.length > REMEMBERED.characters || found.size > REMEMBERED.subscribers) return
    if (this.#remembered.size >= REMEMBERED.topics) this.#remembered.clear()
    this.#remembered.set(topic, found)
  }

  /** Removes a wish and the nodes that held nothing else. */
  #prune(node: Node<S>, subscriber: S, levels: readonly string[], depth: number): boolean {
    if (depth === levels.length) return node.wishes.delete(subscriber)
    const child = node.children.get(levels[depth]!)
    if (child === undefined) return false
    const removed = this.#prune(child, subscriber, levels, depth + 1)
    if (child.children.size === 0 && child.wishes.size === 0) node.children.delete(levels[depth]!)
    return removed
  }
}

function collect<S>(node: Node<S>, levels: readonly string[], depth: number, found: Map<S, Wish>): void {
  // A wildcard in the first place never matches `$SYS` and its like [MQTT-4.7.2-1].
  const wild = depth > 0 || !levels[0]!.startsWith('$')
  if (wild) gather(node.children.get('#'), found)
  if (depth === levels.length) {
    gather(node, found)
    return
  }
  const exact = node.children.get(levels[depth]!)
  if (exact !== undefined) collect(exact, levels, depth + 1, found)
  const plus = wild ? node.children.get('+') : undefined
  if (plus !== undefined) collect(plus, levels, depth + 1, found)
}

function meets<S>(
  node: Node<S>,
  levels: readonly string[],
  depth: number,
  wanted: (subscriber: S) => boolean,
): boolean {
  const isHere = ({ wishes }: Node<S>) => wishes.keys().some(wanted)
  const below = node.children.get('#')
  if (below !== undefined && isHere(below)) return true
  if (depth === levels.length) return isHere(node)
  const level = levels[depth]!
  if (level === '#') return isHere(node) || node.children.values().some((child) => meets(child, levels, depth, wanted))
  const children = level === '+' ? [...node.children.values()] : [node.children.get(level), node.children.get('+')]
  return children.some((child) => child !== undefined && meets(child, levels, depth + 1, wanted))
}

function gather<S>(node: Node<S> | undefined, found: Map<S, Wish>): void {
  if (node === undefined) return
  for (const [subscriber, wish] of node.wishes) {
    const other = found.get(subscriber)
    found.set(subscriber, other === undefined ? wish : widest(wish, other))
  }
}

function widest(a: Wish, b: Wish): Wish {
  return { qos: Math.max(a.qos, b.qos), noLocal: a.noLocal && b.noLocal }
}

function emptyNode<S>(): Node<S> {
  return { children: new Map(), wishes: new Map() }
}
