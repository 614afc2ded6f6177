import type { EventsQuery } from '../events/query.ts'
import type { EventsView } from './contract.ts'

/** Business events, as the API shows them: those that are kept at once, older ones as fast as the log answers. */
export interface EventsPort {
  /** Newest first. Ends early, with what it has, when the signal aborts. */
  events(query: EventsQuery, signal: AbortSignal): Promise<EventsView>
}
