import type { Commands } from '../../commands/commands.ts'
import { seen } from '../../commands/machines.ts'
import type { Refused } from '../../commands/requests.ts'
import type { Tracked } from '../../commands/tracked.ts'
import type { ConsumedBatch } from '../../log/groups.ts'
import type { Log, NewRecord } from '../../log/log.ts'
import { decodeCommandEvent } from '../../model/command-record.ts'
import type { CommandEvent, Settled } from '../../model/command-event.ts'
import { jsonValue, type Json } from '../../model/json-value.ts'
import { topicName } from '../../model/path.ts'
import type { System } from '../../system/system.ts'

export interface OutcomesOptions {
  readonly site: string
  readonly commands: Commands
  readonly log: Pick<Log, 'append' | 'consume'>
  readonly system: Pick<System, 'clock' | 'logger'>
}

/** How long the view is waited for that knows what a command was. */
const SEEN_MS = 10_000
const AGAIN_MS = 2_000

/**
 * Tells in the topic `outcomes` how each command has ended, for whoever asked through the log and for everybody who reads it:
 * at least once, with the place of the record that says so in the header `cause`. Its position is that of a group in the log, so
 * hubs share the work, and after a crash it goes on where it was.
 */
export class Outcomes {
  readonly #options: OutcomesOptions
  readonly #topic: string

  constructor(options: OutcomesOptions) {
    this.#options = options
    this.#topic = topicName(options.site, 'commands')
  }

  /** Works until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, site, system } = this.#options
    const group = topicName(site, 'outcomes')
    while (!signal.aborted) {
      try {
        for await (const batch of log.consume({ group, topics: [this.#topic], signal })) await this.#take(batch)
      } catch (error) {
        if (signal.aborted) return
        system.logger.warn('Cannot tell how commands have ended; it goes on from its position', { error })
        await system.clock.sleep(AGAIN_MS, signal).catch(() => {})
      }
    }
  }

  async #take(batch: ConsumedBatch): Promise<void> {
    const { commands, log, site, system } = this.#options
    const { partition, nextOffset, records } = batch
    const { clock } = system
    const place = [{ partition, nextOffset }]
    if (!(await seen(commands, this.#topic, place, clock, clock.monotonic() + SEEN_MS)))
      throw new Error('the view of the commands is behind')
    const told = records.flatMap(({ offset, value }): NewRecord[] => {
      const event = settledIn(value)
      const command = event && commands.get(event.id)
      // A step that came too late has changed nothing.
      if (command === undefined || command.state !== event!.state || command.outcome?.time !== event!.time) return []
      return [outcomeRecord(command, `${batch.topic}/${partition}/${offset}`)]
    })
    if (told.length > 0) await log.append(topicName(site, 'outcomes'), told)
    await batch.commit()
  }
}

function settledIn(value: Uint8Array | null): Settled | undefined {
  if (value === null) return undefined
  let event: CommandEvent
  try {
    event = decodeCommandEvent(value)
  } catch {
    // The view has said so.
    return undefined
  }
  return event.kind === 'settled' ? event : undefined
}

function outcomeRecord(command: Tracked, cause: string): NewRecord {
  return answerRecord(command.request.asset, command.outcome!.time, cause, outcomeJson(command))
}

/** How a command has ended, for whoever has asked. */
export function outcomeJson({ request, state, outcome }: Tracked): { readonly [name: string]: Json } {
  const { id, asset, command, by, via, key } = request
  const { reasons, readBack, results, time } = outcome!
  return {
    id,
    asset,
    command,
    state,
    by,
    via,
    ...(key !== undefined && { key }),
    time,
    reasons: reasons.map(({ code, message }) => ({ code, message })),
    ...(readBack !== undefined && { readBack: jsonValue(readBack) }),
    ...(results && { results: results.map(jsonValue) }),
  }
}

/** The answer to a request that was refused; it has no id. */
export function refusalRecord(
  about: { readonly asset: string; readonly command: string; readonly by: string; readonly key?: string | undefined },
  { reasons }: Refused,
  time: number,
  cause: string,
): NewRecord {
  const { asset, command, by, key } = about
  return answerRecord(asset, time, cause, {
    asset,
    command,
    state: 'refused',
    by,
    via: 'kafka',
    ...(key !== undefined && { key }),
    time,
    reasons: reasons.map(({ code, message }) => ({ code, message })),
  })
}

function answerRecord(key: string, time: number, cause: string, value: { readonly [name: string]: Json }): NewRecord {
  return {
    key,
    value: JSON.stringify(value),
    headers: [
      ['content-type', 'application/json'],
      ['cause', cause],
    ],
    timestamp: Math.floor(time),
  }
}
