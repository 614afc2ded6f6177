import { parseArgs } from 'node:util'
import type { UAVariable } from 'node-opcua'
import { loadServer, startServer } from '../src/sources/simulator/opcua-server.ts'

/**
 * An OPC UA server whose variables change at a rate, in machines of 100 that change together:
 *
 *     node bench/opcua-server.ts --port 4840 --variables 5000 --rate 50000
 *
 * Prints `{"at", "values"}`, the wall time and how many values were set by then, five times a second. Where it cannot keep
 * the rate, it sets fewer.
 */
const TAGS = 100
const TICK_MS = 10
/** A server that is behind by more does not catch up: what it owes is let go. */
const MOST_BEHIND_MS = 200

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '4840' },
    variables: { type: 'string', default: '5000' },
    rate: { type: 'string', default: '50000' },
  },
})

const library = await loadServer()
const machines: UAVariable[][] = []
const server = await startServer(
  library,
  { host: '127.0.0.1', port: Number(options.port) },
  'urn:millrace:bench',
  (namespace, objects) => {
    const folder = namespace.addFolder(objects, { browseName: 'Bench' })
    for (let n = 1; n <= Number(options.variables) / TAGS; n++) {
      const machine = namespace.addObject({ organizedBy: folder, browseName: `Machine${n}` })
      machines.push(
        Array.from({ length: TAGS }, (_, tag) =>
          namespace.addVariable({
            componentOf: machine,
            browseName: `tag${tag}`,
            nodeId: `s=${n}.${tag}`,
            dataType: 'Double',
            minimumSamplingInterval: 0,
          }),
        ),
      )
    }
  },
)

let count = 0
let next = 0
let due = 0
let before = performance.now()
setInterval(() => {
  const now = performance.now()
  due += (Math.min(now - before, MOST_BEHIND_MS) * Number(options.rate)) / 1000
  before = now
  for (; due >= TAGS; due -= TAGS) change(machines[next++ % machines.length]!)
}, TICK_MS)
setInterval(() => console.log(JSON.stringify({ at: Date.now(), values: count })), 200)
process.once('SIGTERM', () => void server.close().finally(() => process.exit(0)))

function change(machine: readonly UAVariable[]): void {
  const at = new Date()
  for (const variable of machine) {
    variable.setValueFromSource({ dataType: library.DataType.Double, value: count++ }, library.StatusCodes.Good, at)
  }
}
