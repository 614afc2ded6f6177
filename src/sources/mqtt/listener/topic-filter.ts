/** Longest filter, in UTF-16 code units, and most levels: what a subscription may cost in the tree. */
const LONGEST_FILTER = 1024

/** What is wrong with a topic name (MQTT 4.7), to follow "the topic", or undefined where it is a good one. */
export function topicFault(topic: string): string | undefined {
  if (topic === '') return 'is empty'
  if (/[+#]/.test(topic)) return 'has a wildcard'
  return undefined
}

/** What is wrong with a topic filter (MQTT 4.7.1), or undefined where it is a good one. */
export function filterFault(filter: string): string | undefined {
  if (filter === '') return 'is empty'
  if (filter.length > LONGEST_FILTER) return `has ${filter.length} characters, want at most ${LONGEST_FILTER}`
  const levels = filter.split('/')
  for (const [index, level] of levels.entries()) {
    if (level === '#' && index < levels.length - 1) return 'has a # that is not last'
    if (level.length > 1 && /[+#]/.test(level)) return 'has a wildcard that is not a whole level'
  }
  return undefined
}

/** Whether a filter of a shared subscription (`$share/group/filter`, MQTT 5 clause 4.8.2). */
export function isShared(filter: string): boolean {
  return filter === '$share' || filter.startsWith('$share/')
}

/** Whether a filter matches a topic name; a wildcard in the first place never matches `$SYS` and its like [MQTT-4.7.2-1]. */
export function filterMatches(filter: readonly string[], topic: readonly string[]): boolean {
  if (topic[0]!.startsWith('$') && (filter[0] === '+' || filter[0] === '#')) return false
  return covers(filter, topic)
}

/**
 * Whether everything that `filter` matches is also matched by `pattern`: `vehicles/#` covers `vehicles/+/state`,
 * `vehicles/+` does not cover `vehicles/#`. This is how a right to subscribe is checked; a topic name is a filter
 * without wildcards.
 */
export function covers(pattern: readonly string[], filter: readonly string[]): boolean {
  for (let index = 0; index < pattern.length; index++) {
    const want = pattern[index]!
    if (want === '#') return true
    const have = filter[index]
    if (have === undefined || have === '#') return false
    if (want !== '+' && want !== have) return false
  }
  return pattern.length === filter.length
}
