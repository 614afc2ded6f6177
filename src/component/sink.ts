import type { z } from 'zod'
import type { System } from '../system/system.ts'
import type { Publication } from './source.ts'
import type { Fact } from './topology.ts'

/** A fact of the log on its way out. */
export interface Outgoing {
  readonly fact: Fact
  /** Where it lies: `acme.berlin.alarms/0/17`. What is sent twice has the same place. */
  readonly place: string
  /** When Millrace was told; ms since the epoch. */
  readonly receivedTime: number
}

/** The other side will never take this, however often it is asked: a request that it refuses, a recipient that is not there. */
export class Undeliverable extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'Undeliverable'
  }
}

/**
 * Hands facts to somebody else. The hub keeps its position in the log and calls `deliver` with the next facts, in the order of
 * a partition, one call at a time, at least once: a batch that was delivered when the hub died comes again.
 */
export interface Sink {
  /**
   * Resolves when the other side has taken all of them. What it throws is tried again with growing pauses, the same batch, for
   * as long as the config says; `Undeliverable` is not. It has a bound of its own for how long it waits.
   */
  deliver(batch: readonly Outgoing[], signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** What a sink is given. */
export interface SinkContext {
  /** Its name in the config. */
  readonly name: string
  readonly site: string
  readonly system: Pick<System, 'clock' | 'random' | 'logger'>
  /** Hands a message to the machines of a source of this hub that have subscribed to its topic; answers how many. */
  publish(source: string, message: Publication): number
}

/** A kind of sink: everything about it in one object. `C` is the type of its checked config. */
export interface SinkSpec<C = unknown> {
  /** The key in the config: `webhook`, `mail`. */
  readonly kind: string
  /** One sentence for `--help` and the reference page. */
  readonly summary: string
  readonly config: z.ZodType<C>
  /** A `sinks:` block that works, as YAML; shown in the docs, checked by a test. */
  readonly example: string
  /** What goes out, and how long it is tried. */
  delivery(config: C): DeliverySettings
  /**
   * The source whose machines get what goes out. Then every hub delivers all of it, to the machines that are connected to it;
   * else hubs that share a log share the work. Absent, or undefined: it goes somewhere else.
   */
  through?(config: C): string | undefined
  /** Where to, for people: no secret is in it. */
  describe(config: C): string
  create(config: C, context: SinkContext): Sink
}

export interface DeliverySettings {
  readonly topics: readonly SinkTopic[]
  /** Tells whether a fact of a site goes out. */
  selector(site: string): (fact: Fact) => boolean
  /** Most facts of one call. */
  readonly batch: number
  /** Where a sink begins that has delivered nothing yet. */
  readonly from: 'start' | 'end'
  /** Older than this by when Millrace was told, a fact does not go out any more; Infinity: age does not matter. */
  readonly freshMs: number
  /** For so long a batch is tried, then it is let go and counted. */
  readonly retryForMs: number
}

type SinkTopic = 'telemetry' | 'derived' | 'events' | 'alarms'
