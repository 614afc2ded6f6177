import type { Events } from '../events/events.ts'
import type { HeldEvent } from '../events/held.ts'
import { eventsInLog } from '../events/older.ts'
import type { EventPlace, EventsQuery } from '../events/query.ts'
import type { Log } from '../log/log.ts'
import type { EventsView, EventView, JsonValue } from './contract.ts'
import type { EventsPort } from './events-port.ts'

export interface EventViewsOptions {
  readonly events: Events
  readonly log: Log
  readonly topic: string
  readonly site: string
}

/** What the API shows of the events: out of the view, and where that does not hold all of a time that is asked for, the log. */
export class EventViews implements EventsPort {
  readonly #options: EventViewsOptions

  constructor(options: EventViewsOptions) {
    this.#options = options
  }

  async events(query: EventsQuery, signal: AbortSignal): Promise<EventsView> {
    const { events, log, topic, site } = this.#options
    const { droppedTo, ...held } = events.page(query)
    const isWhole = droppedTo === undefined || (query.from ?? -Infinity) > droppedTo
    // A page that is full of what is kept is newer than all that is not.
    const last = held.events.at(-1)?.receivedTime ?? -Infinity
    const isFull = held.next !== undefined && last > (droppedTo ?? -Infinity)
    const asksForPast = query.from !== undefined || query.after !== undefined
    const page = isWhole || isFull || !asksForPast ? held : await eventsInLog(log, topic, site, query, signal)
    return {
      events: page.events.map(eventView),
      ...(page.next && { next: placeText(page.next) }),
      ...(droppedTo !== undefined && { heldFrom: droppedTo + 1 }),
    }
  }
}

function eventView({ data, cause, ...about }: HeldEvent): EventView {
  return { ...about, data: JSON.parse(data) as JsonValue, ...(cause !== '' && { cause }) }
}

/** As the parameter `after` takes it. */
function placeText({ receivedTime, partition, offset }: EventPlace): string {
  return `${receivedTime}:${partition}:${offset}`
}
