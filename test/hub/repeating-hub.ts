import { parseArgs } from 'node:util'
import { readPlant } from '../../src/cli/files.ts'
import { machine } from '../../src/cli/machine.ts'
import { startHub } from '../../src/hub.ts'
import type { Log, Position, ReadOptions } from '../../src/log/log.ts'

/** The hub with its promise broken: a task that begins again does not look for what it has derived already. */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { data: { type: 'string' }, 'log-level': { type: 'string' } },
})

function forgetful(log: Log): Log {
  const read = (positions: readonly Position[], options: ReadOptions) => {
    const isOutput = ({ topic }: Position) => /\.(derived|alarms|keyed-.*)$/.test(topic)
    return log.read(options.untilEnd === true ? positions.filter((one) => !isOutput(one)) : positions, options)
  }
  return new Proxy(log, {
    get(target, name) {
      const value: unknown = name === 'read' ? read : Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

const plant = await readPlant(positionals[0]!)
const system = machine({ logLevel: 'info', logFormat: 'text' })
const hub = await startHub({ plant, dataDirectory: values.data!, mode: 'run', system, wrapLog: forgetful })
process.once('SIGTERM', () => void hub.close())
