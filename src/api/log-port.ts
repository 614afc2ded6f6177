import type { ConsumerView, RecordsView, TopicView } from './contract.ts'

/** Which page of a topic to show. */
export interface RecordsQuery {
  /** Offsets by partition; undefined: by `time`, or else the newest records. */
  readonly at?: ReadonlyMap<number, number>
  /** ms since the epoch: the first records at or after it. */
  readonly time?: number
  /** The records before the positions instead of those after them. */
  readonly back: boolean
  /** Only of this partition. */
  readonly partition?: number
  readonly limit: number
}

/** The log, as the API shows it. Unlike `HubPort` it asks the log, so it takes as long as the log does. */
export interface LogPort {
  topics(): Promise<readonly TopicView[]>
  /** Undefined: there is no such topic. */
  topic(name: string): Promise<TopicView | undefined>
  /** Undefined: there is no such topic. Ends early, with what it has, when the signal aborts. */
  records(topic: string, query: RecordsQuery, signal: AbortSignal): Promise<RecordsView | undefined>
  consumers(): Promise<readonly ConsumerView[]>
}
