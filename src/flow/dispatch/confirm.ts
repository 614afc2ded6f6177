import type { Known } from '../../commands/decide.ts'
import { isSame, shownValue } from '../../commands/values.ts'
import type { CommandAnswer } from '../../component/source.ts'
import type { Requested, Settled } from '../../model/command-event.ts'
import { qualityName, severity } from '../../model/quality.ts'
import type { Value } from '../../model/reading.ts'
import type { Clock } from '../../system/clock.ts'

/** How a command ended, as far as is known. */
export type Ending = Pick<Settled, 'state' | 'reasons' | 'readBack' | 'results'>

export interface ConfirmParts {
  /** The tag as its twin has it. */
  readonly known: (asset: string, tag: string) => Known | undefined
  readonly clock: Pick<Clock, 'monotonic' | 'sleep'>
  /** Ends the wait; then what is not known is unknown. */
  readonly signal: AbortSignal
}

/** How often it is looked whether the machine reports the value. */
const LOOK_MS = 10

/**
 * How a command ended by what its source answered; for a tag that was accepted the value is waited for: without having
 * seen it nobody says that it is confirmed. `sentAt`: before it left, monotonic ms.
 */
export async function endingOf(
  request: Requested,
  answer: CommandAnswer,
  sentAt: number,
  parts: ConfirmParts,
): Promise<Ending> {
  switch (answer.kind) {
    case 'refused':
      return { state: 'rejected', reasons: [{ code: 'machine', message: `${answer.code}: ${answer.reason}` }] }
    case 'not-sent':
      return { state: 'failed', reasons: [{ code: 'not-sent', message: `It never left: ${answer.reason}` }] }
    case 'unknown':
      return { state: 'unknown', reasons: [{ code: 'no-answer', message: answer.reason }] }
    default:
      return request.act.kind === 'tag'
        ? readBack(request, request.act, answer, sentAt, parts)
        : methodEnding(answer.results)
  }
}

function methodEnding(results: readonly (Value | null)[] | undefined): Ending {
  if (results !== undefined) return { state: 'confirmed', reasons: [], results }
  const message = 'It was taken, and the machine has not said that it was done'
  return { state: 'unknown', reasons: [{ code: 'not-confirmed', message }] }
}

async function readBack(
  { asset, confirmMs, tolerance }: Requested,
  { tag, value }: { readonly tag: string; readonly value: Value },
  answer: Extract<CommandAnswer, { readonly kind: 'accepted' }>,
  sentAt: number,
  { known, clock, signal }: ConfirmParts,
): Promise<Ending> {
  // What the machine's type has made of the value is the value: a Float keeps 71.3 as 71.30000305.
  const wanted = answer.written === undefined ? [value] : [value, answer.written]
  const isIt = (seen: { readonly value: Value | null; readonly quality: number }) =>
    severity(seen.quality) === 'good' && wanted.some((one) => isSame(seen.value, one, tolerance))
  const deadline = clock.monotonic() + confirmMs
  if (answer.readBack !== undefined && isIt(answer.readBack)) return confirmed(answer.readBack.value)
  for (;;) {
    const report = reportAfter(known(asset, tag), sentAt)
    if (report !== undefined && isIt(report)) return confirmed(report.value)
    if (clock.monotonic() >= deadline || signal.aborted) return unconfirmed(tag, value, report ?? answer.readBack)
    await clock.sleep(LOOK_MS)
  }
}

/** What the machine has said since then; what was known before confirms nothing. */
function reportAfter(known: Known | undefined, sentAt: number): Known | undefined {
  return known !== undefined && known.heardAt > sentAt ? known : undefined
}

function confirmed(value: Value | null): Ending {
  return { state: 'confirmed', reasons: [], readBack: value }
}

function unconfirmed(
  tag: string,
  wanted: Value,
  seen: { readonly value: Value | null; readonly quality: number } | undefined,
): Ending {
  if (seen === undefined) {
    const message = `The machine took it, and has not reported "${tag}" since`
    return { state: 'unknown', reasons: [{ code: 'not-confirmed', message }] }
  }
  if (severity(seen.quality) !== 'good') {
    const message = `The machine took it; "${tag}" has quality ${qualityName(seen.quality)} since`
    return { state: 'unknown', reasons: [{ code: 'not-confirmed', message }], readBack: seen.value }
  }
  const message = `The machine took it; "${tag}" is ${shownValue(seen.value)}, want ${shownValue(wanted)}`
  return { state: 'failed', reasons: [{ code: 'differs', message }], readBack: seen.value }
}
