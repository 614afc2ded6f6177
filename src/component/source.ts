import type { z } from 'zod'
import type { Json } from '../model/json-value.ts'
import type { Reading, Value } from '../model/reading.ts'
import type { Logger } from '../system/logger.ts'
import type { System } from '../system/system.ts'
import type { Health } from './health.ts'
import type { HttpHost } from './http.ts'

/** What a source hands over: one message of a machine, mapped, raw, refused or let go. The ledger counts these. */
export type Item = Read | Raw | Rejected | Dropped

/** A message that was understood. */
interface Read {
  readonly kind: 'reading'
  readonly reading: Reading
}

/** A message that is passed straight through, untouched, to the topic `<site>.<topic>`; and a business event. */
export interface Raw {
  readonly kind: 'raw'
  /** Kind of topic: `raw` unless the config names another; `events` for an event, as `encodeEvent` makes it. */
  readonly topic: string
  readonly key: string
  readonly payload: Uint8Array
  /** Headers of its own, besides those of the ledger. */
  readonly headers?: readonly (readonly [name: string, value: string])[]
  readonly receivedTime: number
}

/** A message that cannot be mapped: it goes to the quarantine topic with its reason and its original bytes. */
export interface Rejected {
  readonly kind: 'rejected'
  /** Where it came from, as the protocol names it: a topic, a node id, an URL's path. */
  readonly address: string
  readonly payload: Uint8Array
  /** Code of the error table (`docs/errors.md`), then the sentence. */
  readonly code: string
  readonly reason: string
  readonly receivedTime: number
}

/** A message that is let go by a named policy; it is counted, and the ledger keeps a sample of it. */
export interface Dropped {
  readonly kind: 'dropped'
  /** The policy's name: `not-authorised`, `expired`, `retained` ... */
  readonly policy: string
  readonly address: string
  readonly payload: Uint8Array
  readonly receivedTime: number
}

/**
 * What was received together, with its acknowledgement.
 *
 * The hub calls exactly one of `ack` and `fail`, once, in the order in which the source handed its batches over:
 * `ack` only after every item is durable in the log (fsync, or acks=all), so a source sends PUBACK, HTTP 200 or the
 * OPC UA acknowledgement there and nowhere else. `fail` says that the log refused (disk full, broker gone for good):
 * the source must not acknowledge; it closes or answers 503, and the machine sends again. Neither may throw.
 */
export interface Batch {
  /** To be looked at before the next batch is asked for; then a source may let go of them. */
  readonly items: readonly Item[]
  ack(): void
  fail(error: Error): void
}

/** A message for machines that have subscribed to its topic. */
export interface Publication {
  readonly topic: string
  readonly payload: Uint8Array
  /** 1: at least once, as long as the machine's session lasts; 0: to those who are there. */
  readonly qos: 0 | 1
  /** After this it is of no use any more, ms; absent: never. */
  readonly expiresMs?: number
}

/** What of a machine a command is for: a tag that it writes, or a method that it calls. */
export type CommandTarget =
  | { readonly kind: 'tag'; readonly tag: string }
  | { readonly kind: 'method'; readonly method: string }

/** One command on its way to a machine. */
export interface MachineCommand {
  readonly id: string
  /** Full path of the asset. */
  readonly asset: string
  /** Its name in the model. */
  readonly command: string
  readonly target:
    | { readonly kind: 'tag'; readonly tag: string; readonly value: Value }
    | { readonly kind: 'method'; readonly method: string; readonly args: readonly Value[] }
  /** Not to be sent after this moment of the monotonic clock, ms: the source looks once more right before it sends. */
  readonly deadline: number
}

/**
 * What became of a command:
 * - `accepted`: the machine, or its server, took it. `written` is the value as the machine's type holds it (a Float node
 *   keeps 71.3 as 71.30000305), `readBack` what it then said that the value is, `results` what a method gave back. Without
 *   `readBack` nothing is known of the value: what the machine reports later confirms it, or not.
 * - `refused`: it said no, with its own code (`BadNotWritable`), or this side could not make the message
 *   (`BadTypeMismatch`). Nothing was changed.
 * - `not-sent`: it never left, so it was not executed: no connection, too late, nobody subscribed.
 * - `unknown`: it left, or may have, and no answer came. It may have been executed, or may still be.
 */
export type CommandAnswer =
  | {
      readonly kind: 'accepted'
      readonly written?: Value | null
      readonly readBack?: { readonly value: Value | null; readonly quality: number }
      readonly results?: readonly (Value | null)[]
    }
  | { readonly kind: 'refused'; readonly code: string; readonly reason: string }
  | { readonly kind: 'not-sent'; readonly reason: string }
  | { readonly kind: 'unknown'; readonly reason: string }

/**
 * A connection to machines. Its constructor only stores; I/O starts with `read` and has ended when the iterator
 * returns after the signal aborts.
 *
 * `read` is called once. The hub pulls: it asks for the next batch only while it has room for more in flight
 * (bounded in bytes), so a source that is not asked must stop reading from its machines (back-pressure). A source
 * reconnects for ever by itself with bounded, jittered waits; `read` throws only for our own bugs, and the hub then
 * restarts the source. On abort a source stops taking in, lets what it has handed over be acknowledged (the hub still
 * calls `ack`), and closes its connections cleanly.
 */
export interface Source {
  read(signal: AbortSignal): AsyncIterable<Batch>
  /**
   * Hands a message to the machines that have subscribed to its topic, and answers how many; where machines cannot
   * subscribe, it is absent. What is for one that is away waits as its own session allows. Never throws.
   */
  publish?(message: Publication): number
  /**
   * Whether a command for this asset and target can go through this source, as its config maps it and as far as it knows
   * its machines; that one is connected at this moment is not asked. Cheap. Absent: none can.
   */
  reaches?(asset: string, target: CommandTarget): boolean
  /**
   * Sends a command at most once: never again by itself, whatever becomes of the connection. Where the signal aborts it
   * answers at once, `not-sent` or `unknown`. Never throws.
   */
  command?(command: MachineCommand, signal: AbortSignal): Promise<CommandAnswer>
  /** Cheap; asked once a second. */
  health(): Health
}

/** What a client of a source asks for: a command to any machine of the plant. */
export interface CommandRequest {
  /** Path of the asset, full or below the site. */
  readonly asset: string
  /** The name that the client has logged in with. */
  readonly by: string
  /** The same key again is the same request. */
  readonly key?: string
  /** As `POST /api/v1/commands` takes them: `command`, `value` ... */
  readonly fields: { readonly [name: string]: Json }
}

/** What a source is given. */
export interface SourceContext {
  /** Its name in the config. */
  readonly name: string
  /** `acme/berlin`: asset paths in the config are below it. */
  readonly site: string
  readonly system: System
  /** Where a source that is spoken to over HTTP mounts its routes. */
  readonly http: HttpHost
  /**
   * Asks for a command in the name of a client; it is decided as all others are. `tell` is called with what was decided, and
   * with how it ended. Never throws. Absent: this way in is closed.
   */
  readonly ask?: (request: CommandRequest, tell: (answer: { readonly [name: string]: Json }) => void) => void
}

/** A kind of source: everything about it in one object. `C` is the type of its checked config. */
export interface SourceSpec<C = unknown> {
  /** The key in the config: `mqtt`, `opcua`. */
  readonly kind: string
  /** One sentence for `--help` and the reference page. */
  readonly summary: string
  /** Type, defaults, validation and description of every field. */
  readonly config: z.ZodType<C>
  /** A `sources:` block that works, as YAML; shown in the docs, checked by a test. */
  readonly example: string
  /**
   * Its machines report changes only, and silence would be noticed: a value holds, however old, while the source is
   * live. Absent: a value is fresh only as long as it keeps coming.
   */
  readonly holds?: boolean
  /**
   * Who opens the connection. `dials`: the source does, so of several hubs that share a log exactly one runs it.
   * `listens`: the machines do, so each hub runs it on its own address. Absent: it dials.
   */
  reach?(config: C): 'dials' | 'listens'
  /** Whether its machines can subscribe, see `Source.publish`. Absent: they cannot. */
  publishes?(config: C): boolean
  /** What a configured source listens on or connects to, for people: `mqtt://127.0.0.1:1883`. */
  describe(config: C): string
  /** Kinds of raw topics that a config writes to (`raw`, `raw-<name>`); absent: none. */
  rawTopics?(config: C): readonly string[]
  /**
   * Loads what a source of this kind will need, without connecting to anything: a hub that takes a source over from one
   * that died should not have to load a library first. Absent: nothing worth it.
   */
  prepare?(config: C, logger: Logger): Promise<unknown>
  create(config: C, context: SourceContext): Source
}
