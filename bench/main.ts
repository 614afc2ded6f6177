import { parseArgs } from 'node:util'
import { benchCommand } from './command.ts'
import { benchFlow } from './flow.ts'
import { benchHistorian } from './historian.ts'
import { benchHistory } from './history.ts'
import { benchKafkaPeer } from './kafka-peer.ts'
import { benchLog } from './log.ts'
import { benchMqtt } from './mqtt.ts'
import { benchOpcua } from './opcua.ts'
import { benchPast } from './past.ts'
import { benchReplicate } from './replicate.ts'
import { benchSupply } from './supply.ts'
import { benchTakeover } from './takeover.ts'
import { benchTwins } from './twins.ts'

/**
 * `npm run bench [-- NAME ...]`: speed and memory as ratios against a peer and a ceiling in the same run. Everything
 * runs on this machine, the load generator too, so a figure is of the whole box.
 */
const BENCHES: { readonly [name: string]: (options: BenchOptions) => Promise<void> } = {
  command: benchCommand,
  flow: benchFlow,
  historian: benchHistorian,
  history: benchHistory,
  kafka: benchKafkaPeer,
  log: benchLog,
  mqtt: benchMqtt,
  opcua: benchOpcua,
  past: benchPast,
  replicate: benchReplicate,
  supply: benchSupply,
  takeover: benchTakeover,
  twins: benchTwins,
}

export interface BenchOptions {
  /** Length of each measurement. */
  readonly seconds: number
  /** Backlog of `replicate`. */
  readonly records: number
  readonly say: (line: string) => void
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '8' },
    records: { type: 'string', default: '2000000' },
    help: { type: 'boolean', default: false },
  },
})
const unknown = positionals.filter((name) => !(name in BENCHES))
if (values.help || unknown.length > 0) {
  console.log(`npm run bench -- [${Object.keys(BENCHES).join(' | ')}] [--seconds 8] [--records 2000000]`)
  process.exitCode = unknown.length > 0 ? 2 : 0
} else {
  const names = positionals.length > 0 ? positionals : Object.keys(BENCHES)
  for (const name of names)
    await BENCHES[name]!({
      seconds: Number(values.seconds),
      records: Number(values.records),
      say: (line) => console.log(line),
    })
}
