import type { Json } from './json-value.ts'

/**
 * A business fact: an order started, a batch ended, stock moved, a part scrapped, maintenance done. In the log it is a
 * CloudEvent (CloudEvents 1.0) in binary mode: attributes in `ce_` headers, `data` as the JSON value, the asset as key.
 */
export interface Event {
  /** Unique among the events of its source; an event that comes again with it is the same one. */
  readonly id: string
  /** What happened, dotted: `order.started`, `stock.moved`, `maintenance.done`. */
  readonly type: string
  /** Full path of the asset that it is about; `subject` of the CloudEvent. */
  readonly asset: string
  /** When it happened, ms since the epoch. */
  readonly time: number
  /** When Millrace received it, ms since the epoch. */
  readonly receivedTime: number
  /** Whoever said so: a source of the config, a processor, a user. */
  readonly source: string
  readonly data: Json
}
