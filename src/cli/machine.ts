import { systemClock } from '../system/clock.ts'
import { fileDisk } from '../system/file-disk.ts'
import { createLogger, type LogLevel } from '../system/logger.ts'
import { Metrics } from '../system/metrics.ts'
import { nodeNet } from '../system/node-net.ts'
import { systemRandom } from '../system/random.ts'
import type { System } from '../system/system.ts'

export interface MachineOptions {
  readonly logLevel: LogLevel
  readonly logFormat: 'text' | 'json'
}

/** The machine this program runs on, as an argument for everything else. Its log goes to stderr. */
export function machine(options: MachineOptions): System {
  const write = (line: string) => void process.stderr.write(`${line}\n`)
  return {
    clock: systemClock,
    random: systemRandom,
    disk: fileDisk,
    net: nodeNet,
    logger: createLogger({ level: options.logLevel, format: options.logFormat, now: () => systemClock.now(), write }),
    metrics: new Metrics(),
  }
}
