import type { Clock } from '../../../system/clock.ts'
import type { Logger } from '../../../system/logger.ts'
import type { Random } from '../../../system/random.ts'
import type { AwaitedReplies } from '../awaited-replies.ts'
import type { Access } from './access.ts'
import type { ListenerLimits } from './config.ts'
import type { Connection } from './connection.ts'
import type { Corks } from './corks.ts'
import type { Delivery } from './delivery.ts'
import type { Intake } from './intake.ts'
import type { Requesting } from './requesting.ts'
import type { Session, Sessions } from './sessions.ts'
import type { Subscriptions } from './subscriptions.ts'
import type { TimerWheel } from './timer-wheel.ts'
import type { TopicTable } from './topic-table.ts'

/** What all connections of a listener share. */
export interface Parts {
  readonly limits: ListenerLimits
  readonly access: Access
  readonly topics: TopicTable
  readonly intake: Intake
  readonly sessions: Sessions
  readonly subscriptions: Subscriptions<Session>
  readonly delivery: Delivery
  /** Commands that wait for an answer of their machine. */
  readonly replies: AwaitedReplies
  /** Clients that ask for commands. */
  readonly requests: Requesting
  readonly corks: Corks
  readonly wheel: TimerWheel
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Connections that are open, those that have not said who they are included. */
  readonly connections: Set<Connection>
  /** Counts why a connection was closed by us. */
  closed(reason: number): void
}
