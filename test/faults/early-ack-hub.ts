import { readPlant } from '../../src/cli/files.ts'
import { machine } from '../../src/cli/machine.ts'
import { startHub } from '../../src/hub.ts'
import type { Log } from '../../src/log/log.ts'

/** How long what was acknowledged is not written: any kill then finds some of it. */
const LATE_MS = 50

/** The hub with its promise broken: appends are said to be durable before they were written. */
const [config, , dataDirectory] = process.argv.slice(2)

function acknowledgesEarly(log: Log): Log {
  const append: Log['append'] = (topic, records) => {
    const copies = structuredClone(records)
    setTimeout(() => void log.append(topic, copies).catch(() => {}), LATE_MS)
    return Promise.resolve([{ partition: 0, nextOffset: 0, count: records.length }])
  }
  return new Proxy(log, {
    get(target, name) {
      const value: unknown = name === 'append' ? append : Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

const plant = await readPlant(config!)
const system = machine({ logLevel: 'warn', logFormat: 'text' })
const hub = await startHub({ plant, dataDirectory: dataDirectory!, mode: 'run', system, wrapLog: acknowledgesEarly })
process.once('SIGTERM', () => void hub.close())
