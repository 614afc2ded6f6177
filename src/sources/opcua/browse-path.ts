/**
 * Where to find nodes by name: `ns=urn:acme:press;PressShop/Line1/Press{n}`, segments below the Objects folder, each
 * matched against browse names. A leading `ns=URI;` (or `nsu=URI;`) holds for all segments after it; without one any namespace will
 * do. `{n}` matches a number, any other `{name}` any text.
 */
export interface BrowsePath {
  readonly segments: readonly Segment[]
}

interface Segment {
  /** Namespace URI of the browse name; undefined: any. */
  readonly namespace: string | undefined
  readonly pattern: RegExp
  readonly names: readonly string[]
}

/** Texts that the placeholders of a path stood for, by name. */
export type Captured = ReadonlyMap<string, string>

/** @throws Error saying what is wrong with it; the config's schema shows that. */
export function parseBrowsePath(given: string | readonly string[]): BrowsePath {
  let namespace: string | undefined
  const segments: Segment[] = []
  for (const part of typeof given === 'string' ? [given] : given) {
    const prefix = /^nsu?=([^;]+);(.*)$/s.exec(part)
    if (prefix) namespace = prefix[1]!
    const rest = prefix ? prefix[2]! : part
    // Names in a list are taken whole: a browse name may contain a slash.
    const names = typeof given === 'string' ? rest.split('/') : [rest]
    for (const name of names) segments.push(parseSegment(name, namespace))
  }
  const seen = segments.flatMap((segment) => segment.names)
  const twice = seen.find((name, index) => seen.indexOf(name) !== index)
  if (twice !== undefined) throw new Error(`placeholder {${twice}} is there twice, want each once`)
  return { segments }
}

function parseSegment(name: string, namespace: string | undefined): Segment {
  if (name === '') throw new Error('a segment is empty, want a browse name between slashes')
  const names: string[] = []
  const pattern = name.replace(/\{(\w+)\}|[\\^$.*+?()[\]{}|]/g, (matched: string, placeholder?: string) => {
    if (placeholder === undefined) return `\\${matched}`
    names.push(placeholder)
    return placeholder === 'n' ? '(\\d+)' : '(.+)'
  })
  return { namespace, pattern: new RegExp(`^${pattern}$`, 's'), names }
}

/** What a segment captures of a browse name, added to what was captured before; undefined where it does not match. */
export function matchSegment(
  segment: Segment,
  browseName: { readonly namespace: string; readonly name: string },
  before: Captured,
): Captured | undefined {
  if (segment.namespace !== undefined && segment.namespace !== browseName.namespace) return undefined
  const match = segment.pattern.exec(browseName.name)
  if (!match) return undefined
  return new Map([...before, ...segment.names.map((name, index) => [name, match[index + 1]!] as const)])
}

/** Names of the placeholders in a text. */
export function placeholders(text: string): string[] {
  return [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!)
}

/** A template with its placeholders filled in. */
export function fill(template: string, captured: Captured): string {
  return template.replaceAll(/\{(\w+)\}/g, (whole, name: string) => captured.get(name) ?? whole)
}

/** Whether a text may be what a template becomes. */
export function templateMatches(template: string, text: string): boolean {
  return parseSegment(template.normalize('NFC'), undefined).pattern.test(text)
}
