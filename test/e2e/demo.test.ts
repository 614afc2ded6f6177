import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LedgerView, SourceView, TwinView } from '../../src/api/contract.ts'
import { ROOT } from '../faults/hub-process.ts'
import { freePorts } from '../../tools/free-ports.ts'

interface Announced {
  readonly page: string
  readonly dataDirectory: string
}

test('the demo plant is alive over OPC UA, MQTT and HTTP, and ends without a trace', async (t) => {
  const [http, mqtt, kafka, opcua] = await freePorts(4)
  const ports = ['--http', `${http}`, '--mqtt', `${mqtt}`, '--kafka', `${kafka}`, '--opcua', `${opcua}`]
  const demo = spawn(process.execPath, ['src/main.ts', 'demo', '--json', '--speed', '5', ...ports], { cwd: ROOT })
  t.after(() => demo.kill('SIGKILL'))
  const exited = once(demo, 'exit')
  const [line] = (await once(createInterface(demo.stdout), 'line')) as [string]
  const { page, dataDirectory } = JSON.parse(line) as Announced
  const get = async <T>(path: string) => (await (await fetch(page + path)).json()) as T

  const live = async () => {
    const { sources } = await get<{ sources: SourceView[] }>('/api/v1/sources')
    return sources.filter((source) => source.state === 'live' && source.book.stored > 0).map((source) => source.name)
  }
  for (let tries = 0; (await live()).length < 3 && tries < 300; tries += 1) await sleep(200)
  assert.deepEqual((await live()).sort(), ['cars', 'line1', 'test-station'])

  const press = await get<TwinView>('/api/v1/assets/acme/berlin/press-shop/line1/press3')
  const temperature = press.tags.find(({ tag }) => tag === 'temperature')!
  assert.equal(temperature.unit, 'Cel')
  assert.equal(temperature.qualityName, 'Good')
  assert.equal(temperature.stale, false)
  assert.ok(temperature.serverTime! > 0)
  const car = await get<TwinView>('/api/v1/assets/acme/berlin/fleet/electric-vehicle-00007')
  assert.equal(car.tags.length, 23)
  assert.equal((await get<LedgerView>('/api/v1/ledger')).balanced, true)

  demo.kill('SIGINT')
  assert.deepEqual(await exited, [0, null])
  assert.equal(existsSync(dataDirectory), false)
})
