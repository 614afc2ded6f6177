import { severity } from '../model/quality.ts'
import type { AssetCommands, Desired } from './asset-commands.ts'
import type { Known } from './decide.ts'
import { isSettled } from './tracked.ts'
import { isSame } from './values.ts'

/** What a tag is to be beside what it is. */
export interface DesiredState extends Desired {
  readonly state: 'waiting' | 'in-flight' | 'reached' | 'differs' | 'failed' | 'unknown'
  readonly differsSince?: number
}

/** A tag as its twin has it; `since`: when the present value began, where that is known. */
export interface Reported extends Pick<Known, 'value' | 'quality' | 'receivedTime'> {
  readonly since?: number
}

/**
 * What the tags of an asset are to be, and whether they are: a function of the commands and the twin alone. A confirmed one
 * differs when the machine reports something else later: somebody has turned a knob, or it did not hold.
 */
export function desiredOf(commands: AssetCommands, reported: (tag: string) => Reported | undefined): DesiredState[] {
  return commands.desired().map((desired) => {
    const command = commands.get(desired.commandId)
    if (command === undefined) return { ...desired, state: 'unknown' }
    if (!isSettled(command)) return { ...desired, state: command.claim === undefined ? 'waiting' : 'in-flight' }
    if (command.state === 'unknown') return { ...desired, state: 'unknown' }
    if (command.state !== 'confirmed') return { ...desired, state: 'failed' }
    const now = reported(desired.tag)
    const endedAt = command.outcome!.time
    const isNews = now !== undefined && now.receivedTime > endedAt && severity(now.quality) === 'good'
    // What was read back is what the machine's type has made of the value.
    const wanted = [desired.value, command.outcome?.readBack ?? desired.value]
    if (!isNews || wanted.some((one) => isSame(now.value, one, command.request.tolerance)))
      return { ...desired, state: 'reached' }
    return { ...desired, state: 'differs', differsSince: Math.max(endedAt, now.since ?? now.receivedTime) }
  })
}
