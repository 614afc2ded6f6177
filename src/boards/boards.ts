import { join } from 'node:path'
import { EventViews } from '../api/event-views.ts'
import type { EventsPort } from '../api/events-port.ts'
import type { OeePort } from '../api/oee-port.ts'
import type { Plant } from '../config/plant.ts'
import { HeldEventDecoder } from '../events/decode.ts'
import { Events } from '../events/events.ts'
import { ViewRun } from '../flow/views.ts'
import type { Log, Position } from '../log/log.ts'
import { topicName } from '../model/path.ts'
import type { System } from '../system/system.ts'
import { OeeBoard } from './oee.ts'
import { OeeMachines } from './oee-machines.ts'

export interface BoardsOptions {
  readonly plant: Plant
  readonly log: Log
  /** Where views are kept. */
  readonly dataDirectory: string
  readonly system: System
}

/** What the hub shows of events: those of machines and people, and what processors derive. */
export interface Boards {
  readonly events: EventsPort
  readonly oee: OeePort
  /** Where the view goes on, for the page of the log. */
  reader(): { readonly name: string; readonly positions: readonly Position[] }
}

/** Opens the view of events and runs it; the stack ends it, then writes the last snapshot. */
export async function openBoards(
  { plant, log, dataDirectory, system }: BoardsOptions,
  stack: AsyncDisposableStack,
): Promise<Boards> {
  const { site } = plant
  const { partitions } = plant.log
  const topic = topicName(site, 'events')
  const events = new Events({ site, directory: join(dataDirectory, 'events'), partitions, system })
  await events.open()
  stack.defer(() => events.close())
  const run = new ViewRun(events, { log, topics: [topic], decoder: new HeldEventDecoder(system.metrics), system })
  const stop = new AbortController()
  const running = run.run(stop.signal)
  stack.defer(async () => {
    stop.abort()
    await running
  })
  const views = new EventViews({ events, log, topic, site })
  return {
    events: views,
    oee: new OeeBoard({ site, machines: new OeeMachines(plant, events), events: views, clock: system.clock }),
    reader: () => ({ name: events.name, positions: events.positions() }),
  }
}
