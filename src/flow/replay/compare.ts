import type { Log } from '../../log/log.ts'
import { decodeFact, headerText, PROCESSOR_HEADER } from '../topology/facts.ts'
import type { Fact } from '../../component/topology.ts'
import { createHash } from 'node:crypto'

export type Kind = 'derived' | 'events' | 'alarms'

export interface CompareOptions {
  /** Where the facts of the running version are, and those of the replay. */
  readonly live: { readonly log: Log; readonly topic: (kind: Kind) => string }
  readonly replay: { readonly log: Log; readonly topic: (kind: Kind) => string }
  readonly processor: string
  /** Event times that are compared, ms: from, and before. */
  readonly from: number
  readonly to: number
  readonly signal: AbortSignal
}

/** How what two versions have derived compares, of one kind. */
export interface Comparison {
  readonly kind: Kind
  readonly equal: number
  readonly different: number
  readonly onlyLive: number
  readonly onlyReplay: number
  /** A few of those that are not equal. */
  readonly examples: readonly Example[]
}

interface Example {
  /** What it is about, and when: `acme/berlin/line1/press1 temperature.mean 2026-01-31T08:00:00.000Z`. */
  readonly what: string
  readonly live?: string
  readonly replay?: string
}

const KINDS: readonly Kind[] = ['derived', 'events', 'alarms']
const MOST_EXAMPLES = 10
/** Characters of a fact that are shown. */
const MOST_SHOWN = 300

/** Compares what the running version of a processor has derived with what a replay has, fact by fact. */
export async function compareFacts(options: CompareOptions): Promise<Comparison[]> {
  const comparisons: Comparison[] = []
  for (const kind of KINDS) comparisons.push(await compareKind(kind, options))
  return comparisons.filter(
    ({ equal, different, onlyLive, onlyReplay }) => equal + different + onlyLive + onlyReplay > 0,
  )
}

async function compareKind(kind: Kind, options: CompareOptions): Promise<Comparison> {
  const counts = { equal: 0, different: 0, onlyLive: 0, onlyReplay: 0 }
  const examples: Example[] = []
  const show = (example: Example) => void (examples.length < MOST_EXAMPLES && examples.push(example))
  const { log, topic } = options.replay
  for (const { partition } of await log.ends(topic(kind))) {
    const replayed = new Map<string, { readonly hash: string; readonly text: string }>()
    for await (const { what, text } of facts(kind, partition, options.replay, options)) {
      replayed.set(what, { hash: hashOf(text), text: text.slice(0, MOST_SHOWN) })
    }
    for await (const { what, text } of facts(kind, partition, options.live, options)) {
      const other = replayed.get(what)
      replayed.delete(what)
      if (other === undefined) counts.onlyLive += 1
      else if (other.hash === hashOf(text)) counts.equal += 1
      else counts.different += 1
      if (other?.hash !== hashOf(text)) {
        show({ what, live: text.slice(0, MOST_SHOWN), ...(other && { replay: other.text }) })
      }
    }
    counts.onlyReplay += replayed.size
    for (const [what, { text }] of replayed) show({ what, replay: text })
  }
  return { kind, ...counts, examples }
}

/** The facts of one partition, named so that the same fact of two versions has the same name. */
async function* facts(
  kind: Kind,
  partition: number,
  { log, topic }: CompareOptions['live'],
  { processor, from, to, signal }: CompareOptions,
) {
  const name = topic(kind)
  const { start, end } = (await log.ends(name))[partition]!
  if (start === end) return
  const seen = new Map<string, number>()
  for await (const { records } of log.read([{ topic: name, partition, offset: start }], { signal, untilEnd: true })) {
    for (const record of records) {
      if (record.value === null || headerText(record.headers, PROCESSOR_HEADER) !== processor) continue
      const fact = decodeFact(kind, record, NO_TYPES)
      const { time, subject, content } = describe(fact)
      if (time < from || time >= to) continue
      const base = `${subject} ${new Date(time).toISOString()}`
      const nth = seen.get(base) ?? 0
      seen.set(base, nth + 1)
      yield { what: nth === 0 ? base : `${base} #${nth + 1}`, text: JSON.stringify(content) }
    }
  }
}

/** Numbers and texts are compared as they are in the record. */
const NO_TYPES = { tags: () => undefined }

/** What a fact is about, and what it says; received times may differ between two runs. */
function describe(fact: Fact): { time: number; subject: string; content: unknown } {
  switch (fact.kind) {
    case 'reading': {
      const { asset, sourceTime: time, values, quality } = fact.reading
      return { time, subject: `${asset} ${Object.keys(values).sort().join(',')}`, content: { values, quality } }
    }
    case 'event': {
      const { asset, time, type, data } = fact.event
      return { time, subject: `${asset} ${type}`, content: data }
    }
    case 'alarm': {
      const { asset, time, alarm, action, ...content } = fact.alarm
      return { time, subject: `${asset} ${alarm} ${action}`, content }
    }
    default:
      return { time: fact.time, subject: fact.key, content: fact.data }
  }
}

function hashOf(text: string): string {
  return createHash('sha1').update(text).digest('base64')
}
