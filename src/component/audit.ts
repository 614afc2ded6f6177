import type { Json } from '../model/json-value.ts'

/** Something that somebody did, or that was done in somebody's name. */
export interface AuditEntry {
  /** `command.requested`, `command.refused`, `alarm.acknowledge`, `login` ... */
  readonly what: string
  /** Who; '': nobody, the hub itself. */
  readonly by: string
  /** The way in: `rest`, `kafka`, `mqtt`; absent: the hub. */
  readonly via?: string
  /** Full path. */
  readonly asset?: string
  /** Everything else that is worth knowing. */
  readonly detail?: { readonly [name: string]: Json }
}

/** Where it is written down what people do. */
export interface Audit {
  /**
   * Resolves when the entry is durable; entries are in the order of the calls. What must not happen without a trace waits for it.
   * @throws LogError
   */
  write(entry: AuditEntry): Promise<void>
}
