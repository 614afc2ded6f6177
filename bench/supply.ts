import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import mqtt from 'mqtt'
import { parsePlant } from '../src/cli/files.ts'
import { machine } from '../src/cli/machine.ts'
import type { ProcessorSpec } from '../src/component/processor.ts'
import type { Fact } from '../src/component/topology.ts'
import { TopologyDriver } from '../src/flow/topology/driver.ts'
import { readEvents } from '../src/flow/events.ts'
import { startHub } from '../src/hub.ts'
import { connectLog } from '../src/log/client/connect.ts'
import { KINDS } from '../src/registry.ts'
import { Secret } from '../src/system/secret.ts'
import { freePorts } from '../tools/free-ports.ts'
import type { BenchOptions } from './main.ts'

const SITE = 'acme/berlin'
const T0 = 1_764_482_400_000

/** How many facts a second each processor of supply takes on one core, and how soon a car hears of a hazard. */
export async function benchSupply({ seconds, say }: BenchOptions): Promise<void> {
  say('supply: facts through a topology on one core, no log ...\n')
  say('| processor | facts/s | derived per fact |\n|---|---|---|')
  for (const [kind, config, factOf] of LOADS) say(rate(kind, config, factOf, seconds))
  say(`\n${await hazardDelay(20)}`)
}

type Load = readonly [kind: string, config: object, factOf: (index: number) => Fact]

const reading = (asset: string, index: number, values: { [tag: string]: number | string }): Fact => {
  const time = T0 + index * 10
  return { kind: 'reading', reading: { asset: `${SITE}/${asset}`, sourceTime: time, receivedTime: time, values } }
}

/** A car on a line of its own at 100 km/h, a message a second of 1,000 cars. */
const drive = (index: number) => {
  const car = index % 1000
  const seconds = index / 1000
  return { lat: 48 + car / 500, lon: 11 + (seconds * 27.8) / 74_000, speed: 100, slip: index % 97 === 0 ? 0.3 : 0 }
}

/** A part a takt, 500 positions a plan. */
const planFrom = (index: number): Fact => {
  const time = T0 + index * 10
  const positions = Array.from({ length: 500 }, (_, at) => ({ position: index + 1 + at, order: `V${index + 1 + at}` }))
  const base = { id: `${index}`, type: 'sequence.planned', asset: `${SITE}/line`, source: 'mes', data: { positions } }
  return { kind: 'event', event: { ...base, time, receivedTime: time } }
}

const LOADS: readonly Load[] = [
  [
    'stock',
    {
      counters: [{ on: 'line/*', tag: 'cycles', consumes: { blank: 1 }, produces: { door: 1 } }],
      cover: { below: '1h' },
    },
    (index) => reading(`line/press${index % 50}`, index, { cycles: Math.floor(index / 50) }),
  ],
  [
    'sequence',
    { line: 'line', takt: '60s', checkpoints: [{ name: 'in', at: 'line/in', ahead: 5, tag: 'scanned' }] },
    (index) => (index % 500 === 0 ? planFrom(index) : reading('line/in', index, { scanned: `V${index}` })),
  ],
  [
    'swarm',
    { on: 'cars/*', hazards: { slippery: 'slip > 0.2 && speed > 10' } },
    (index) => reading(`cars/c${index % 1000}`, index, drive(index)),
  ],
  [
    'share',
    {
      on: 'cars/*',
      purpose: 'bench',
      partners: ['x'],
      secret: new Secret('a secret of enough characters'),
      fields: ['speed', 'slip'],
      place: { cell: 3 },
      anonymity: { subjects: 5 },
    },
    (index) => reading(`cars/c${index % 1000}`, index, drive(index)),
  ],
]

function rate(kind: string, config: object, factOf: (index: number) => Fact, seconds: number): string {
  const spec = KINDS.processors.find((one) => one.kind === kind) as ProcessorSpec
  const driver = new TopologyDriver(spec.topology(spec.config.parse(config), { name: 'bench', site: SITE }))
  const began = performance.now()
  let [facts, derived] = [0, 0]
  while (performance.now() - began < seconds * 1000) {
    for (let left = 1000; left > 0; left -= 1) derived += driver.send(factOf(facts++)).length
    // As a hub does after each commit.
    driver.changes(0)
    driver.changes(1)
  }
  const perSecond = Math.round(facts / ((performance.now() - began) / 1000)).toLocaleString('en-US')
  return `| ${kind} | ${perSecond} | ${(derived / facts).toFixed(2)} |`
}

/** From the acknowledgement of the report that confirms a hazard to its warning, read from the log. */
async function hazardDelay(times: number): Promise<string> {
  const data = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  const [port] = (await freePorts(1)) as [number]
  const text = `site: ${SITE}
log: { embedded: { listen: 0, partitions: 4 } }
sources: { cars: { mqtt: { listen: ${port}, topics: { "v/{car}": { asset: "cars/{car}" } } } } }
processors: { hazards: { swarm: { on: cars/*, hazards: { slippery: "slip > 0.2" } } } }
api: { listen: 0 }
`
  const system = machine({ logLevel: 'error', logFormat: 'text' })
  const hub = await startHub({
    plant: await parsePlant('p', Buffer.from(text)),
    dataDirectory: data,
    mode: 'run',
    system,
  })
  const [host, kafka] = hub.kafka.split(':') as [string, string]
  const log = await connectLog({ brokers: [{ host, port: Number(kafka) }], system })
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`)
  const stop = new AbortController()
  const waiting = new Map<string, () => void>()
  const following = follow()
  const delays: number[] = []
  const send = (car: string, lat: number, slip: number) =>
    client.publishAsync(`v/${car}`, JSON.stringify({ lat, lon: 11, slip }), { qos: 1 })
  for (let time = 0; time < times; time += 1) {
    const lat = 40 + time / 2
    await send(`near${time}`, lat, 0)
    for (const car of ['a', 'b']) await send(`${car}${time}`, lat, 0.3)
    await sleep(500)
    const warned = new Promise<void>((resolve) => waiting.set(`${SITE}/cars/near${time}`, resolve))
    await send(`c${time}`, lat, 0.3)
    const began = performance.now()
    await warned
    delays.push(performance.now() - began)
  }
  stop.abort()
  await Promise.all([following, client.endAsync()])
  await log.close()
  await hub.close()
  await rm(data, { recursive: true, force: true })
  delays.sort((a, b) => a - b)
  const at = (share: number) => Math.round(delays[Math.floor(share * (delays.length - 1))]!)
  return `hazard: from the last report to the warning in the log, ${times} times: p50 ${at(0.5)} ms, longest ${at(1)} ms`

  async function follow(): Promise<void> {
    for await (const { event } of readEvents(log, SITE, {
      from: { at: 'end' },
      signal: stop.signal,
      untilEnd: false,
    })) {
      if (event.type === 'hazard.warning') waiting.get(event.asset)?.()
    }
  }
}
