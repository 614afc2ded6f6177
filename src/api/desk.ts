import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Audit } from '../component/audit.ts'
import type { Clock } from '../system/clock.ts'
import type { LoadedAas } from './aas/loaded.ts'
import type { AlarmViews } from './alarm-views.ts'
import type { Auth, Caller, Need } from './auth.ts'
import type { ApiError } from './errors.ts'
import type { EventStreams } from './event-streams.ts'
import type { CommandViews } from './command-views.ts'
import type { EventsPort } from './events-port.ts'
import type { ForecastPort } from './forecast-port.ts'
import type { Gate } from './gate.ts'
import type { HistoryPort } from './history-port.ts'
import type { HubPort } from './hub-port.ts'
import type { Subscriptions } from './i3x/subscriptions.ts'
import type { ApiLimits } from './limits.ts'
import type { LogPort } from './log-port.ts'
import type { Mounts } from './mounts.ts'
import type { OeePort } from './oee-port.ts'
import type { Page } from './page.ts'
import type { PastPort } from './past-port.ts'

/** What handlers work with. */
export interface Desk {
  readonly hub: HubPort
  readonly log: LogPort
  readonly alarms: AlarmViews
  readonly events: EventsPort
  readonly commands: CommandViews
  readonly audit: Audit
  readonly oee: OeePort
  /** Shells that the config has loaded beside those of the plant. */
  readonly aas: LoadedAas
  /** What is sent as it changes, over plain HTTP. */
  readonly streams: EventStreams
  /** Absent: the hub keeps no history. */
  readonly history: HistoryPort | undefined
  /** Subscriptions of the i3X door. */
  readonly i3x: Subscriptions
  /** The plant as it was; absent only where tests have none. */
  readonly past: PastPort | undefined
  /** Absent only where tests have none. */
  readonly forecasts: ForecastPort | undefined
  readonly mounts: Mounts
  readonly page: Page
  readonly auth: Auth
  readonly gate: Gate
  readonly clock: Clock
  readonly limits: ApiLimits
  /** Name and attributes of the session's cookie. */
  readonly cookie: { name(): string; readonly secure: boolean }
  /** The caller that the gate let in with this request. */
  caller(request: FastifyRequest): Caller | undefined
  /** The answer to a request that no route takes: 404, 405, or what OPTIONS wants to know. */
  absent(request: FastifyRequest, reply: FastifyReply): unknown
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT'
  /** As the router takes it: `*` is the rest of the path. */
  readonly url: string
  readonly need: Need
  /** Takes what no other route takes; tells nothing about whether a path exists. */
  readonly fallback?: true
  /** Its own limit on the body. */
  readonly bodyBytes?: number
  /** A refusal in the words of a standard, with the hub's wall time; absent: a `ProblemView`. */
  readonly refusal?: (problem: ApiError, now: number) => object
  readonly handle: (desk: Desk, request: FastifyRequest, reply: FastifyReply) => unknown
}
