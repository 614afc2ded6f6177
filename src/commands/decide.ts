import { ExpressionError, parseExpression, type Expression } from '../component/expression/expression.ts'
import type { CommandDefinition } from '../model/command.ts'
import type { CommandAct, Reason, Requested } from '../model/command-event.ts'
import type { TagDefinition } from '../model/definition.ts'
import type { Json } from '../model/json-value.ts'
import { qualityName, severity } from '../model/quality.ts'
import type { Value } from '../model/reading.ts'
import { lacks, type Person } from './person.ts'
import { isSettled, type Tracked } from './tracked.ts'
import { actOf, isSame, shownValue, typed } from './values.ts'

/** What somebody wants of a machine. */
export interface Wish {
  /** Full path. */
  readonly asset: string
  readonly command: string
  readonly value?: Json
  readonly args?: readonly Json[]
  readonly expected?: Json
  readonly key?: string
  readonly comment?: string
}

/** What is known of a tag of the machine at this moment. */
export interface Known {
  readonly value: Value | null
  readonly quality: number
  /** It must not be taken for the present. */
  readonly stale: boolean
  /** When the machine measured it, ms since the epoch. */
  readonly sourceTime: number
  /** When it was received, ms since the epoch. */
  readonly receivedTime: number
  /** The same in monotonic ms of this process. */
  readonly heardAt: number
}

/** A write point of a machine, with the tags of its model. */
export interface WritePoint {
  readonly definition: CommandDefinition
  readonly tags: ReadonlyMap<string, TagDefinition>
}

/** Everything that a decision looks at. */
export interface Situation {
  readonly site: string
  readonly person: Person
  /** Undefined: nothing of that name is declared there. */
  readonly point: WritePoint | undefined
  readonly known: (tag: string) => Known | undefined
  /** Commands of this asset that came before, in the order of the log. */
  readonly earlier: readonly Tracked[]
  /** Whether a source carries it; undefined: this hub cannot tell, another one may have that source. */
  readonly reachable: boolean | undefined
  /** Wall time, ms since the epoch. */
  readonly now: number
}

export type Decision =
  | { readonly act: CommandAct; readonly expected?: Value | null }
  | { readonly refused: readonly Reason[] }

/** Commands of one machine that are on their way at the same time, at most. */
const MOST_IN_FLIGHT = 20

const MINUTE_MS = 60_000

/**
 * Whether a wish is allowed at this moment, and if not every reason why; what the hub decides when it takes a request. Who may
 * not command the machine is told that and nothing else.
 */
export function decide(wish: Wish, situation: Situation): Decision {
  const { site, person, point } = situation
  const missing = lacks(person, 'command', site, wish.asset)
  if (missing !== undefined) return { refused: [missing] }
  if (point === undefined) return { refused: [undeclared(wish)] }
  const { definition, tags } = point
  const act = actOf(definition, tags.get(definition.tag ?? ''), wish)
  const expected = expectedOf(wish, point)
  const refused = [
    ...('kind' in act ? [] : act),
    ...('reason' in expected ? [expected.reason] : mismatch(definition, expected.expected, situation, true)),
    ...standing(definition, situation),
  ]
  if (refused.length > 0 || !('kind' in act) || 'reason' in expected) return { refused }
  return { act, ...(expected.expected !== undefined && { expected: expected.expected }) }
}

/** The same for a request that was taken, right before it is sent: what has changed in between counts. */
export function decideAgain(request: Requested, situation: Situation): readonly Reason[] {
  const { site, person, point } = situation
  const missing = lacks(person, 'command', site, request.asset)
  if (missing !== undefined) return [missing]
  if (point === undefined) return [undeclared(request)]
  const { definition, tags } = point
  const { act } = request
  const wish = act.kind === 'tag' ? { value: jsonOf(act.value) } : { args: act.args.map(jsonOf) }
  const again = actOf(definition, tags.get(definition.tag ?? ''), wish)
  const isOther = 'kind' in again && (again.kind !== act.kind || nameOf(again) !== nameOf(act))
  return [
    ...('kind' in again ? (isOther ? [undeclared(request)] : []) : again),
    ...mismatch(definition, request.expected, situation, false),
    ...standing(definition, situation),
  ]
}

/** Why a write point cannot be used at all right now, whatever the value; for people who look before they ask. */
export function hindrances(command: string, asset: string, situation: Situation): readonly Reason[] {
  const missing = lacks(situation.person, 'command', situation.site, asset)
  if (missing !== undefined) return [missing]
  if (situation.point === undefined) return [undeclared({ asset, command })]
  return standing(situation.point.definition, situation)
}

/** What does not depend on the value. */
function standing(definition: CommandDefinition, situation: Situation): Reason[] {
  const { earlier, reachable } = situation
  const inFlight = earlier.filter((one) => !isSettled(one)).length
  return [
    ...(reachable === false ? [{ code: 'unreachable', message: 'No source that runs carries it to the machine' }] : []),
    ...(inFlight >= MOST_IN_FLIGHT
      ? [{ code: 'too-many', message: `${inFlight} commands of this machine are on their way, want fewer` }]
      : []),
    ...tooOften(definition, situation),
    ...(definition.interlock === undefined ? [] : locked(definition.interlock, situation)),
  ]
}

function tooOften({ name, perMinute }: CommandDefinition, { earlier, now }: Situation): Reason[] {
  if (perMinute === undefined) return []
  const count = earlier.filter(({ request }) => request.command === name && request.time > now - MINUTE_MS).length
  if (count < perMinute) return []
  return [{ code: 'rate', message: `There were ${count} in the last minute, want at most ${perMinute}` }]
}

/** An interlock lets through only what is known to be safe: every tag it names has a fresh Good value, and it is true. */
function locked(text: string, { known, point }: Situation): Reason[] {
  const expression = interlock(text, point!.tags)
  if (expression === undefined) return [{ code: 'interlock', message: `The interlock cannot be read: ${text}` }]
  const unsure = expression.tags.flatMap((tag) => doubt(tag, known(tag)) ?? [])
  if (unsure.length > 0) return unsure
  let value: Value | undefined
  try {
    value = expression.evaluate({ get: (tag) => known(tag)?.value ?? undefined })
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    return [{ code: 'interlock', message: error.message }]
  }
  if (value === true) return []
  const values = expression.tags.map((tag) => `${tag} is ${shownValue(known(tag)?.value)}`).join(', ')
  return [{ code: 'interlock', message: `${text} is ${value === undefined ? 'unknown' : 'false'} (${values})` }]
}

function doubt(tag: string, known: Known | undefined): Reason | undefined {
  const about = (what: string) => ({ code: 'stale', message: `The interlock looks at "${tag}", ${what}` })
  if (known === undefined) return about('of which nothing has come yet')
  if (severity(known.quality) !== 'good') return about(`whose quality is ${qualityName(known.quality)}, want Good`)
  if (known.value === null) return about('which has no value')
  return known.stale ? about('whose value is stale') : undefined
}

/** Compiled interlocks, by text and tags: the same few are asked again and again. */
const COMPILED = new WeakMap<ReadonlyMap<string, TagDefinition>, Map<string, Expression>>()

function interlock(text: string, tags: ReadonlyMap<string, TagDefinition>): Expression | undefined {
  let known = COMPILED.get(tags)
  if (known === undefined) COMPILED.set(tags, (known = new Map()))
  const found = known.get(text)
  if (found !== undefined) return found
  try {
    const expression = parseExpression(text, { tags, yields: 'bool' })
    known.set(text, expression)
    return expression
  } catch (error) {
    if (error instanceof ExpressionError) return undefined
    throw error
  }
}

/** What whoever asks has seen, as the tag holds it. */
function expectedOf(
  { expected }: Wish,
  { definition, tags }: WritePoint,
): { readonly expected?: Value | null } | { readonly reason: Reason } {
  if (expected === undefined) return {}
  if (definition.tag === undefined)
    return { reason: { code: 'type', message: '"expected" is for a command that writes a tag' } }
  const type = tags.get(definition.tag)?.type ?? 'number'
  const value = expected === null ? null : typed(expected, type)
  if (value !== undefined) return { expected: value }
  return {
    reason: { code: 'type', message: `"expected" is ${shownValue(expected as Value)}, want a value of type ${type}` },
  }
}

/** Somebody was faster, or the machine itself: what was seen is not there any more. */
function mismatch(
  { tag, tolerance }: CommandDefinition,
  expected: Value | null | undefined,
  { known, earlier }: Situation,
  isNew: boolean,
): Reason[] {
  if (expected === undefined || tag === undefined) return []
  const writes = ({ request: { act } }: Tracked) => act.kind === 'tag' && act.tag === tag
  const isOnItsWay = (one: Tracked) => !isSettled(one) && one.state !== 'waiting-approval' && writes(one)
  const other = isNew ? earlier.find(isOnItsWay) : undefined
  if (other !== undefined)
    return [{ code: 'in-flight', message: `Command "${other.request.id}" on the same tag is on its way` }]
  const reported = known(tag)
  const about = (what: string) => [{ code: 'expected', message: `"${tag}" ${what}, expected ${shownValue(expected)}` }]
  const last = earlier.findLast((one) => writes(one) && one.claim !== undefined)
  const since = last?.outcome?.time ?? 0
  if (last?.state === 'unknown' && (reported?.receivedTime ?? 0) <= since)
    return about(`may have been changed by command "${last.request.id}"`)
  const now = lastKnown(reported, last)
  if (now === undefined) return about('has no value yet')
  if (severity(now.quality) !== 'good') return about(`has quality ${qualityName(now.quality)}`)
  if (now.stale) return about('is stale')
  return isSame(now.value, expected, tolerance) ? [] : about(`is ${shownValue(now.value)}`)
}

/** What the tag reports; or what the last command has read back from it, where that is newer. */
function lastKnown(
  reported: Known | undefined,
  last: Tracked | undefined,
): Pick<Known, 'value' | 'quality' | 'stale'> | undefined {
  const readBack = last?.state === 'confirmed' ? last.outcome?.readBack : undefined
  if (readBack === undefined) return reported
  if (reported !== undefined && reported.receivedTime >= last!.outcome!.time) return reported
  return { value: readBack, quality: 0, stale: false }
}

function undeclared({ asset, command }: { readonly asset: string; readonly command: string }): Reason {
  const message = `The model of "${asset}" declares no command ${JSON.stringify(command.slice(0, 80))}`
  return { code: 'not-declared', message }
}

function nameOf(act: CommandAct): string {
  return act.kind === 'tag' ? act.tag : act.method
}

/** A value that was taken once, as JSON that is taken again. */
function jsonOf(value: Value): Json {
  return typeof value === 'bigint' ? String(value) : (value as Json)
}
