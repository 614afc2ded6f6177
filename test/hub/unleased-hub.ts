import { parseArgs } from 'node:util'
import { readPlant } from '../../src/cli/files.ts'
import { machine } from '../../src/cli/machine.ts'
import { startHub } from '../../src/hub.ts'
import type { Generation, GroupOptions, Membership } from '../../src/log/groups.ts'
import type { Log, Position, ReadBatch, ReadOptions } from '../../src/log/log.ts'

/** The hub with its promise broken: it believes for ever in what it was given once, whatever others say. */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { data: { type: 'string' }, hub: { type: 'string' }, 'log-level': { type: 'string' } },
})

const frozen = { yes: false }
let tick = performance.now()
setInterval(() => {
  look()
}, 100)

/** Whether this process has hung for longer than its lease. */
function look(): boolean {
  if (performance.now() - tick > 5_000) frozen.yes = true
  tick = performance.now()
  return frozen.yes
}

function believes(log: Log): Log {
  const join = (options: GroupOptions): Membership => {
    const membership = log.join(options)
    return {
      async *generations(): AsyncGenerator<Generation> {
        for await (const generation of membership.generations()) {
          if (!look()) yield { ...generation, lost: new AbortController().signal }
        }
      },
      rejoin: () => membership.rejoin(),
      heldUntil: Infinity,
    }
  }
  const read = async function* (positions: readonly Position[], options: ReadOptions): AsyncGenerator<ReadBatch> {
    for await (const batch of log.read(positions, options)) {
      // What others claim would be found here.
      if (batch.topic.endsWith('.ledger') && look()) await new Promise(() => {})
      yield batch
    }
  }
  return new Proxy(log, {
    get(target, name) {
      const value: unknown = name === 'join' ? join : name === 'read' ? read : Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

const plant = { ...(await readPlant(positionals[0]!)), hub: values.hub! }
const system = machine({ logLevel: 'info', logFormat: 'text' })
const hub = await startHub({ plant, dataDirectory: values.data!, mode: 'run', system, wrapLog: believes })
process.once('SIGTERM', () => void hub.close())
