import assert from 'node:assert/strict'
import { cp, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { attachLog, plantReadings } from '../../src/attach.ts'
import type { HistorianView, HubView, LedgerView } from '../../src/api/contract.ts'
import type { HistoryView } from '../../src/api/contract-history.ts'
import { machine } from '../../src/cli/machine.ts'
import { freePorts } from '../../tools/free-ports.ts'
import { lakeFiles, type LakeRow } from '../historian/lake-content.ts'
import { httpDevice, mqttDevice, type Device } from './devices.ts'
import { fill, get, smallDisk, until } from './full-disk.ts'
import { HubProcess } from './hub-process.ts'
import { Journal } from './journal.ts'
import { HUB } from './kill-loop.ts'
import { loadPlant } from './load-plant.ts'

const ROUNDS = Number(process.env['DISK_FULL_ROUNDS'] ?? 2)
const LAKE_ROUNDS = Math.ceil(ROUNDS / 2)
const PREFIX = 'acme/berlin/'

test(`T5: ${ROUNDS} times log and lake on the same full disk: everything acknowledged is in the lake, once`, async (t) => {
  const disk = await smallDisk(t)
  if (disk === undefined) return
  const running = await startHub(t, disk, join(disk, 'data'))
  for (let round = 1; round <= ROUNDS; round += 1) {
    await fillAndFree(running, disk, async (historian) => {
      assert.match(historian.reason, /^Cannot store history: .*no space left/i)
      assert.equal((await get(`${running.page}/healthz`)).status, 503)
      assert.ok((await newest(running)) > 0)
    })
    await until('health', 10_000, async () => (await get(`${running.page}/healthz`)).status === 200)
  }
  await compare(t, running)
})

test(`T5: ${LAKE_ROUNDS} times a full disk under the lake alone: the log acknowledges on, and the lake has all of it afterwards, once`, async (t) => {
  // A file system of its own at the folder: where the lake is otherwise is no setting.
  const disk = await smallDisk(t, 'data/lake')
  if (disk === undefined) return
  const running = await startHub(t, dirname(dirname(disk)), dirname(disk))
  const { page, journal } = running
  for (let round = 1; round <= LAKE_ROUNDS; round += 1) {
    await fillAndFree(running, disk, async (historian) => {
      assert.match(historian.reason, /^Cannot store history: .*no space left/i)
      const before = journal.acknowledged
      await until('acknowledgements', 5_000, async () => journal.acknowledged > before + 1_000)
      assert.equal((await get(`${page}/healthz`)).status, 200)
      assert.ok((await newest(running)) > 0)
    })
  }
  await compare(t, running)
})

interface Running {
  readonly hub: HubProcess
  readonly page: string
  readonly data: string
  readonly journal: Journal
  readonly devices: readonly Device[]
}

/** A hub that makes files all the time, and merges them, under load. */
async function startHub(t: TestContext, directory: string, data: string): Promise<Running> {
  const [http, mqtt, kafka] = (await freePorts(3)) as [number, number, number]
  const config = join(directory, 'plant.yaml')
  const historian = 'historian: { sealEvery: 500ms, sealRows: 1000 }\n'
  await writeFile(config, loadPlant(http, mqtt, kafka, historian))
  const page = `http://127.0.0.1:${http}`
  const hub = new HubProcess([...HUB, config, '--data', data], page)
  t.after(() => hub.kill())
  await hub.start()
  const journal = new Journal()
  const url = `mqtt://127.0.0.1:${mqtt}`
  const devices = [
    mqttDevice(url, 1, 4, { asset: 'mqtt/a', journal, rate: 500 }),
    mqttDevice(url, 1, 5, { asset: 'mqtt/b', journal, rate: 500 }),
    httpDevice(page, { asset: 'http/a', journal, rate: 500 }),
  ]
  t.after(() => devices.forEach((device) => device.abandon()))
  const running = { hub, page, data, journal, devices }
  await until('files', 10_000, async () => (await historianOf(running)).files > 2)
  return running
}

/** Fills the disk, waits until the historian says so, looks at how it is then, makes room, waits until it stores again. */
async function fillAndFree(
  running: Running,
  disk: string,
  whileFull: (historian: HistorianView) => Promise<void>,
): Promise<void> {
  const ballast = [await fill(disk)]
  const isDown = async () => (await historianOf(running)).state === 'down'
  await until('the historian to be down', 10_000, isDown)
  // What was half made is removed again, and leaves room: that is filled, too.
  ballast.push(await fill(disk, 'rest'))
  await sleep(500)
  assert.match((await get(`${running.page}/metrics`)).text, /^millrace_historian_up 0$/m)
  await whileFull(await historianOf(running))
  await Promise.all(ballast.map((path) => rm(path)))
  const { samples } = await historianOf(running)
  await until('the historian to store', 10_000, async () => {
    const historian = await historianOf(running)
    return historian.state === 'live' && historian.samples > samples
  })
}

async function historianOf({ page }: Running): Promise<HistorianView> {
  return (JSON.parse((await get(`${page}/api/v1/status`)).text) as HubView).historian!
}

/** The newest value that history has of one asset. */
async function newest({ page }: Running): Promise<number> {
  const { text } = await get(`${page}/api/v1/assets/${PREFIX}mqtt/a/history?tags=n&from=${Date.now()}&to=0&limit=1`)
  const { series } = JSON.parse(text) as HistoryView
  return series[0]?.samples[0]?.[1] as number
}

/** Ends it, and holds the files of the lake against the log and against what the machines know. */
async function compare(t: TestContext, running: Running): Promise<void> {
  const { hub, page, data, journal, devices } = running
  await Promise.all(devices.map((device) => device.drain()))
  const { books } = JSON.parse((await get(`${page}/api/v1/ledger`)).text) as LedgerView
  const stored = books.reduce((sum, book) => sum + book.stored, 0)
  await until('the historian to have read the log', 10_000, async () => (await historianOf(running)).samples >= stored)
  assert.equal((await historianOf(running)).missed, 0)
  assert.equal(await hub.stop(), 0)

  const want = await placesOfLog(data)
  const rows = await rowsOf(data)
  assert.deepEqual(placesOf(rows), want)
  assert.equal(new Set(want).size, stored)
  const { acknowledged, lost, phantoms, inversions } = journal.check(numbersOf(rows))
  assert.deepEqual([lost.slice(0, 10), phantoms.slice(0, 10), inversions.slice(0, 10)], [[], [], []])
  t.diagnostic(`${acknowledged} acknowledged, ${rows.length} in the lake`)
  await noticesWhatIsWrong(running, want)
}

/** Negative control: a file too few, or one there twice, is seen. */
async function noticesWhatIsWrong({ data, journal }: Running, want: readonly string[]): Promise<void> {
  const [[name, own]] = [...(await lakeFiles(join(data, 'lake')))] as [[string, LakeRow[]]]
  const file = join(data, 'lake/telemetry', name)
  await cp(file, file.replace('.parquet', '-again.parquet'))
  assert.equal(placesOf(await rowsOf(data)).length, want.length + own.length)
  await Promise.all([file, file.replace('.parquet', '-again.parquet')].map((path) => rm(path)))
  const rest = await rowsOf(data)
  assert.equal(placesOf(rest).length, want.length - own.length)
  assert.ok(journal.check(numbersOf(rest)).lost.length > 0)
}

/** What the lake holds, in the order of the log. */
async function rowsOf(data: string): Promise<LakeRow[]> {
  const rows = [...(await lakeFiles(join(data, 'lake'))).values()].flat()
  return rows.sort((a, b) => a.log_partition - b.log_partition || Number(a.log_offset - b.log_offset))
}

function placesOf(rows: readonly LakeRow[]): string[] {
  return rows.map(({ asset, log_partition, log_offset, value }) => `${asset} ${log_partition}/${log_offset} ${value}`)
}

function numbersOf(rows: readonly LakeRow[]): Map<string, number[]> {
  const numbers = [...Map.groupBy(rows, ({ asset }) => asset.slice(PREFIX.length))]
  return new Map(numbers.map(([asset, rows]) => [asset, rows.map(({ value }) => value!)]))
}

/** The same of every reading of the log, which is closed. */
async function placesOfLog(data: string): Promise<string[]> {
  const attached = await attachLog(data, machine({ logLevel: 'error', logFormat: 'text' }))
  const read: { partition: number; offset: number; text: string }[] = []
  try {
    const options = { signal: new AbortController().signal, from: { at: 'start' }, untilEnd: true } as const
    for await (const { partition, offset, reading } of plantReadings(attached, options)) {
      const text = `${reading.asset} ${partition}/${offset} ${Number(reading.values['n'])}`
      read.push({ partition, offset, text })
    }
  } finally {
    await attached.close()
  }
  read.sort((a, b) => a.partition - b.partition || a.offset - b.offset)
  return read.map(({ text }) => text)
}
