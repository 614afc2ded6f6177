/** What somebody may do with a topic, a group or the broker itself. `admin`: create, change, delete. */
type Action = 'describe' | 'read' | 'write' | 'admin'

export type Right = 'read' | 'write' | 'admin'

/** Whom a connection acts for. */
export interface Principal {
  readonly name: string
  /**
   * Whether it may do this. Everything that is not granted is forbidden; the broker itself (`cluster`, without a name) is
   * for administrators.
   */
  may(action: Action, resource: 'topic' | 'group', name: string): boolean
  may(action: Action, resource: 'cluster'): boolean
  /** Whether there is any topic that it may do this with. */
  mayAny(action: Action): boolean
}

/** Where nobody logs in: whoever is connected. */
export const ANYBODY: Principal = { name: '', may: () => true, mayAny: () => true }

/** Before a login. */
export const NOBODY: Principal = { name: '', may: () => false, mayAny: () => false }

export interface Rights {
  readonly name: string
  readonly can: readonly Right[]
  /** Names of topics; `*` stands for any characters. Topics of the broker's own (`__...`) have to be named so. */
  readonly topics: readonly string[]
  /** The same of consumer groups. */
  readonly groups: readonly string[]
}

/** Which rights allow an action: writing does not include reading, administering includes everything. */
const ALLOWED_BY: { readonly [action in Action]: readonly Right[] } = {
  describe: ['read', 'write', 'admin'],
  read: ['read', 'admin'],
  write: ['write', 'admin'],
  admin: ['admin'],
}

export function principalOf({ name, can, topics, groups }: Rights): Principal {
  const matches = { topic: matcher(topics), group: matcher(groups) }
  const mayAny = (action: Action) => ALLOWED_BY[action].some((right) => can.includes(right))
  return {
    name,
    mayAny,
    may(action: Action, resource: 'topic' | 'group' | 'cluster', target: string = '') {
      if (resource === 'cluster') return can.includes('admin')
      // Who only writes has nothing to do with groups.
      const wanted = resource === 'group' && action === 'describe' ? 'read' : action
      return mayAny(wanted) && matches[resource](target)
    },
  }
}

/** Names that were asked for are remembered: fetches ask for the same ones thousands of times a second. */
const MOST_REMEMBERED = 1000
/** Names of topics have 249 characters at most. */
const LONGEST_NAME = 249

function matcher(patterns: readonly string[]): (name: string) => boolean {
  const expressions = patterns.map((pattern) => ({ own: pattern.startsWith('__'), expression: expressionOf(pattern) }))
  const known = new Map<string, boolean>()
  return (name) => {
    if (name.length > LONGEST_NAME) return false
    let verdict = known.get(name)
    if (verdict === undefined) {
      verdict = expressions.some(({ own, expression }) => (own || !name.startsWith('__')) && expression.test(name))
      if (known.size >= MOST_REMEMBERED) known.clear()
      known.set(name, verdict)
    }
    return verdict
  }
}

function expressionOf(pattern: string): RegExp {
  return new RegExp(
    `^${pattern
      .split(/\*+/)
      .map((part) => RegExp.escape(part))
      .join('.*')}$`,
    's',
  )
}
