import { join } from 'node:path'
import { Alarms } from './alarms/alarms.ts'
import { CurrentAlarms } from './alarms/current.ts'
import { stepRecord } from './alarms/step-record.ts'
import { AlarmViews } from './api/alarm-views.ts'
import type { ViewPosition } from './component/view.ts'
import type { Plant } from './config/plant.ts'
import { AlarmDecoder } from './flow/alarm-entries.ts'
import { ViewRun } from './flow/views.ts'
import type { Log } from './log/log.ts'
import { ALARM_PRIORITIES } from './model/alarm.ts'
import { topicName } from './model/path.ts'
import type { System } from './system/system.ts'

export interface AlarmingOptions {
  readonly plant: Plant
  readonly dataDirectory: string
  readonly log: Log
  /** Whether this hub is the one, among those that share the log, that does what is to be done once. */
  readonly leads: () => boolean
  readonly system: System
}

/** The alarms of a running hub. */
export interface Alarming {
  readonly views: AlarmViews
  /** Where the view goes on, for the page of the log. */
  reader(): { readonly name: string; readonly positions: readonly ViewPosition[] }
}

/** How often it is looked for shelvings whose time is over. */
const LAPSES_MS = 1_000

/** Keeps the alarms from the log until the stack ends, then writes the last snapshot; ends shelvings by and by. */
export async function runAlarms(options: AlarmingOptions, stack: AsyncDisposableStack): Promise<Alarming> {
  const { plant, dataDirectory, log, system } = options
  const { site } = plant
  const alarms = new Alarms({ site, directory: join(dataDirectory, 'alarms'), system })
  await alarms.open()
  stack.defer(() => alarms.close())
  const run = new ViewRun(alarms, {
    log,
    topics: [topicName(site, 'alarms')],
    decoder: new AlarmDecoder(system),
    system,
  })
  const isDue = () => run.caughtUp && options.leads()
  const current = new CurrentAlarms({ log, topic: topicName(site, 'alarms-current'), alarms, isDue, system })
  const stop = new AbortController()
  const { signal } = stop
  const running = Promise.all([run.run(signal), current.run(signal), endShelvings(options, alarms, isDue, signal)])
  stack.defer(async () => {
    stop.abort()
    await running
  })
  gauges(alarms, system)
  return {
    views: new AlarmViews({ site, alarms, log, system }),
    reader: () => ({ name: alarms.name, positions: alarms.positions() }),
  }
}

function gauges(alarms: Alarms, { metrics }: System): void {
  metrics.gauge('millrace_alarms_standing', 'Alarms that are not normal', () => alarms.summary().standing)
  for (const priority of ALARM_PRIORITIES) {
    const read = () => alarms.summary().unacknowledged[priority]
    metrics.gauge('millrace_alarms_unacknowledged', 'Alarms that nobody has answered, by priority', read, { priority })
  }
}

/**
 * Writes down that the time of a shelving is over, which it is with or without that (ISA-18.2-2016 clause 11.6). The step
 * names its cause, so two hubs that both believe to lead write the same step, and it counts once.
 */
async function endShelvings(
  { plant, log, system }: AlarmingOptions,
  alarms: Alarms,
  isDue: () => boolean,
  signal: AbortSignal,
): Promise<void> {
  const { clock, logger } = system
  while (!signal.aborted) {
    await clock.sleep(LAPSES_MS, signal).catch(() => {})
    if (signal.aborted || !isDue()) continue
    const lapsed = alarms.lapsed(clock.now())
    if (lapsed.length === 0) continue
    try {
      const records = lapsed.map(({ transition, cause }) => stepRecord(transition, clock.now(), cause))
      await log.append(topicName(plant.site, 'alarms'), records)
    } catch (error) {
      if (!signal.aborted) logger.warn('Cannot write down that shelvings are over; it is tried again', { error })
    }
  }
}
