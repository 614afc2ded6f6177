import type { Clock } from './clock.ts'
import type { Disk } from './disk.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import type { Net } from './net.ts'
import type { Random } from './random.ts'

/** Everything outside the program, in one argument: a test or the simulator hands in its own. */
export interface System {
  readonly clock: Clock
  readonly random: Random
  readonly disk: Disk
  readonly net: Net
  readonly logger: Logger
  readonly metrics: Metrics
}
