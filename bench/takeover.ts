import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from '../tools/free-ports.ts'
import { Fleet } from '../test/hub/fleet.ts'
import { need } from '../tools/need.ts'
import type { BenchOptions } from './main.ts'
import { Measured } from './processes.ts'

const KILLS = 10
const SOURCES = 3

/**
 * How long a source is without a hub when its hub is killed: two hubs on a real Kafka, three MQTT brokers' worth of
 * sources and an OPC UA server; each time the hub that runs the OPC UA source is killed with SIGKILL, and the time is
 * taken until the other one has received data of each source that it lost.
 */
export async function benchTakeover({ say }: BenchOptions): Promise<void> {
  const mosquitto = need('mosquitto')
  if (need('kafka') === undefined || mosquitto === undefined) {
    return say('takeover: no figure: Apache Kafka or mosquitto is not installed')
  }
  const [port] = (await freePorts(1)) as [number]
  const server = new Measured(process.execPath, [
    'bench/opcua-server.ts',
    '--port',
    String(port),
    '--variables',
    '100',
    '--rate',
    '1000',
  ])
  try {
    await server.listens(port)
    const opcua = `opc.tcp://127.0.0.1:${port}`
    await using fleet = await Fleet.start({ sources: SOURCES, rate: 300, mosquitto, opcua })
    report(await takeOvers(fleet, say), say)
  } finally {
    await server.stop()
  }
}

/** For each source that lost its hub: its kind, and how long it had none. */
async function takeOvers(fleet: Fleet, say: (line: string) => void): Promise<Map<string, number[]>> {
  await fleet.addHub('hub-a')
  await fleet.addHub('hub-b')
  const taken = new Map<string, number[]>()
  fleet.load()
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const all = (holders: ReadonlyMap<string, string>) => holders.size === SOURCES + 1
    const even = (holders: ReadonlyMap<string, string>) => all(holders) && new Set(holders.values()).size === 2
    await fleet.until(fleet.hubs[0]!, even, { limitMs: 60_000 })
    const before = await fleet.holders(fleet.hubs[0]!)
    const victim = fleet.hubs.find(({ name }) => name === before.get('opcua'))!
    const heir = fleet.hubs.find((hub) => hub !== victim)!
    const lost = [...before].filter(([, hub]) => hub === victim.name).map(([source]) => source)
    const since = Date.now()
    await victim.process.kill()
    const times = await recovered(fleet, heir, lost, since)
    for (const [source, ms] of times) {
      const kind = source === 'opcua' ? 'OPC UA' : 'MQTT'
      taken.set(kind, [...(taken.get(kind) ?? []), ms])
    }
    const seconds = [...times].map(([source, ms]) => `${source} ${(ms / 1000).toFixed(1)} s`)
    say(`takeover: kill ${kill} of ${KILLS}: ${seconds.join(', ')}`)
    await victim.process.start(60_000)
  }
  return taken
}

async function recovered(fleet: Fleet, heir: Fleet['hubs'][number], lost: readonly string[], since: number) {
  const times = new Map<string, number>()
  while (times.size < lost.length) {
    const holders = await fleet.holders(heir, since)
    for (const source of lost) {
      if (holders.get(source) === heir.name && !times.has(source)) times.set(source, Date.now() - since)
    }
    if (Date.now() - since > 60_000) throw new Error(`Cannot measure: ${lost.join(', ')} were not taken over in 60 s`)
    await sleep(10)
  }
  return times
}

function report(taken: ReadonlyMap<string, number[]>, say: (line: string) => void): void {
  say(`\n| source without a hub, after SIGKILL, ${KILLS} times | p50 s | longest s |`)
  say('|---|---|---|')
  for (const [kind, times] of taken) {
    const sorted = times.toSorted((a, b) => a - b)
    const seconds = (ms: number) => (ms / 1000).toFixed(1)
    say(
      `| ${kind} (${times.length}) | ${seconds(sorted[Math.floor(sorted.length / 2)]!)} | ${seconds(sorted.at(-1)!)} |`,
    )
  }
  say('\nA hub may be silent for 6 s, Kafka’s lowest; the rest is the next generation, the claim, and the connection.')
}
