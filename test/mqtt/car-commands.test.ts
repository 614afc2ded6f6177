import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startSimulator } from '../../src/sources/simulator/simulator.ts'
import { systemClock } from '../../src/system/clock.ts'
import { silentLogger } from '../../src/system/logger.ts'
import { until } from '../until.ts'
import { startListener } from './rig.ts'

test('a simulated car takes a limit of speed over MQTT, answers, and shows it in what it sends', async (t) => {
  const topics = { 'vehicles/sensor/data/{car}': { asset: 'fleet/{car}' } }
  const commands = { 'vehicles/{car}/commands/{command}': { asset: 'fleet/{car}', reply: 'vehicles/{car}/replies' } }
  const rig = await startListener(t, { config: { topics, commands } })
  const mqtt = { host: '127.0.0.1', port: rig.port }
  const options = { seed: 1, speed: 20, presses: 0, cars: 3, mqtt }
  const simulator = await startSimulator(options, systemClock, silentLogger)
  t.after(() => simulator.close())
  const asset = 'acme/berlin/fleet/electric-vehicle-00001'
  await until(() => rig.source.reaches(asset))
  const send = (id: string, value: number) => {
    const target = { kind: 'tag', tag: 'speed_limit', value } as const
    const deadline = systemClock.monotonic() + 10_000
    return rig.source.command({ id, asset, command: 'limit-speed', target, deadline }, new AbortController().signal)
  }
  const shown = () => rig.items.findLast((item) => item.kind === 'reading' && item.reading.asset === asset)
  const limit = () => {
    const item = shown()
    return item?.kind === 'reading' ? item.reading.values['speed_limit'] : undefined
  }
  await until(() => limit() === 70)
  const answer = await send('c1', 13)
  assert.deepEqual(answer, { kind: 'accepted', results: [], readBack: { value: 13, quality: 0 } })
  await until(() => limit() === 13)
  assert.deepEqual(await send('c2', 200), { kind: 'refused', code: 'OutOfRange', reason: 'want 5 to 70 m/s' })
})
