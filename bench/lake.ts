import { join } from 'node:path'
import { machine } from '../src/cli/machine.ts'
import { Historian, type HistorianOptions } from '../src/historian/historian.ts'
import { MemoryLog } from '../src/log/memory/memory-log.ts'
import { systemClock } from '../src/system/clock.ts'
import { Metrics } from '../src/system/metrics.ts'

const DAY_MS = 86_400_000

type Settings = Pick<HistorianOptions, 'sealRows' | 'fileRows' | 'memoryMegabytes' | 'threads'>

/** A historian with all its data below a directory, that keeps for ever what a bench gives it. */
export function historianIn(directory: string, site: string, settings: Settings): Historian {
  return new Historian({
    site,
    lakeDirectory: join(directory, 'lake'),
    spillDirectory: join(directory, 'historian'),
    retentionMs: 4_000 * DAY_MS,
    rollupRetentionMs: 4_000 * DAY_MS,
    sealEveryMs: 600_000,
    log: new MemoryLog({ clock: systemClock }),
    ...settings,
    system: { ...machine({ logLevel: 'warn', logFormat: 'text' }), metrics: new Metrics() },
  })
}
