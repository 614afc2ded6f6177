/**
 * How a component is. `live` needs fresh data, not just a connection: "connected" without data is `stale`.
 * - `starting`: has not yet been connected since it started
 * - `live`: connected and its data is fresh
 * - `stale`: connected, but nothing came for longer than its silence limit
 * - `down`: not connected; it keeps trying
 * - `failed`: cannot work without a person (wrong password, bad certificate); it still retries, slowly
 * - `stopped`: ended on purpose
 */
export type HealthState = 'starting' | 'live' | 'stale' | 'down' | 'failed' | 'stopped'

export interface Health {
  readonly state: HealthState
  /** Why, in a sentence for the person at the machine: `Cannot connect to opc.tcp://10.0.0.7:4840: connection refused`. */
  readonly reason: string
  /** When the state last changed: wall time, ms since the epoch. */
  readonly since: number
  /** When data last arrived; undefined: never. */
  readonly lastData?: number
  /** Parts that are ill on their own (a node id that is gone, a device that is silent), by name; bounded to 100. */
  readonly parts?: readonly { readonly name: string; readonly reason: string }[]
}
