import { parseArgs } from 'node:util'
import { benchLog } from './log.ts'
import { benchMqtt } from './mqtt.ts'
import { benchOpcua } from './opcua.ts'

/**
 * `npm run bench [-- NAME ...]`: speed and memory as ratios against a peer and a ceiling in the same run. Everything
 * runs on this machine, the load generator too, so a figure is of the whole box.
 */
const BENCHES: { readonly [name: string]: (options: BenchOptions) => Promise<void> } = {
  log: benchLog,
  mqtt: benchMqtt,
  opcua: benchOpcua,
}

export interface BenchOptions {
  /** Length of each measurement. */
  readonly seconds: number
  readonly say: (line: string) => void
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '8' }, help: { type: 'boolean', default: false } },
})
const unknown = positionals.filter((name) => !(name in BENCHES))
if (values.help || unknown.length > 0) {
  console.log(`npm run bench -- [${Object.keys(BENCHES).join(' | ')}] [--seconds 8]`)
  process.exitCode = unknown.length > 0 ? 2 : 0
} else {
  const names = positionals.length > 0 ? positionals : Object.keys(BENCHES)
  for (const name of names) await BENCHES[name]!({ seconds: Number(values.seconds), say: (line) => console.log(line) })
}
