import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { chromium, type Browser, type Page } from 'playwright-core'
import { need } from '../../tools/need.ts'
import { HubProcess } from '../faults/hub-process.ts'
import { freePorts } from '../../tools/free-ports.ts'
import { HUB } from '../faults/kill-loop.ts'
import { CHROMIUM_ARGS } from './chromium.ts'

/** Stock, sequence and map as a person sees them: events and values over HTTP, the processors, the pages in a real browser. */
const executablePath = need('chromium')
const skip = executablePath === undefined ? 'Chromium is not installed' : false

const CARS = 10_000

let directory: string
let hub: HubProcess
let browser: Browser
let url: string

before(async () => {
  if (executablePath === undefined) return
  directory = await mkdtemp(join(tmpdir(), 'millrace-fleet-pages-'))
  const [http, kafka] = await freePorts(2)
  url = `http://127.0.0.1:${http}`
  const config = join(directory, 'plant.yaml')
  await writeFile(
    config,
    `site: acme/berlin
log: { embedded: { listen: ${kafka}, partitions: 1 } }
sources: { office: { http: {} } }
processors:
  stock:
    stock:
      reorder: [{ material: bolt, place: line2/rack, below: 10, quantity: 50, from: warehouse }]
  doors:
    sequence:
      line: line2
      takt: 60s
      checkpoints: [{ name: buffer, at: line2/doors, ahead: 10 }, { name: fit, at: line2/fit, ahead: 0 }]
  hazards:
    swarm: { on: fleet/*, confirm: { cars: 3, within: 5m }, hazards: { ice: "slip > 0.2" } }
api: { listen: ${http} }
`,
  )
  hub = new HubProcess([...HUB, config, '--data', join(directory, 'data')], url)
  await hub.start()
  browser = await chromium.launch({ executablePath, args: CHROMIUM_ARGS })
})

after(async () => {
  if (executablePath === undefined) return
  await browser.close()
  await hub.kill()
  await rm(directory, { recursive: true, force: true })
})

async function post(route: string, body: object): Promise<void> {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const answer = await fetch(`${url}/api/v1/${route}`, init)
  assert.equal(answer.status, 200, await answer.text())
}

/** Opens a page and answers it with what went wrong on it. */
async function open(hash: string, viewport: { width: number; height: number }) {
  const page = await browser.newPage({ viewport })
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
  page.on('request', (request) => request.url().startsWith(`${url}/`) || faults.push(request.url()))
  await page.goto(`${url}/#/${hash}`)
  return { page, faults }
}

async function fits(page: Page, width: number): Promise<void> {
  const wide = Number(await page.evaluate('document.documentElement.scrollWidth'))
  assert.ok(wide <= width, `the page is ${wide} wide, want no sideways scrolling`)
}

const SIZES = [
  { width: 1440, height: 900 },
  { width: 390, height: 844 },
] as const

test('stock: below zero is at the top, with the call for more and what has changed it', { skip }, async () => {
  const moved = (material: string, quantity: number, to: object) => ({
    type: 'stock.moved',
    asset: 'warehouse',
    data: { material, quantity, ...to },
  })
  await post('events', [
    moved('nut', 500, { to: 'line2/rack' }),
    moved('bolt', 30, { to: 'line2/rack' }),
    moved('bolt', 35, { from: 'line2/rack' }),
    { type: 'stock.booked', asset: 'line2/rack', data: { material: 'bolt', quantity: 4 } },
  ])
  for (const size of SIZES) {
    const { page, faults } = await open('stock', size)
    const first = page.locator('[data-account]').first()
    await first.getByText('below zero').waitFor()
    assert.equal(await first.getAttribute('data-account'), 'bolt at acme/berlin/line2/rack')
    await first.getByText('called from warehouse').waitFor()
    await first.getByText('What has changed it').click()
    await first.getByText('−35 to outside').waitFor()
    await page.getByLabel('Find a material').fill('nut')
    await page.locator('[data-account]').filter({ hasText: 'nut' }).waitFor()
    assert.equal(await page.locator('[data-account]').count(), 1)
    await fits(page, size.width)
    assert.deepEqual(faults, [])
    await page.close()
  }
})

test('sequence: two doors that are swapped cross, and one that is gone leaves a gap', { skip }, async () => {
  const positions = 'ABCDEFGHIJ'.split('').map((order, index) => ({ order, position: index + 1, variant: 'red' }))
  await post('events', { type: 'sequence.planned', asset: 'line2', data: { positions } })
  for (const order of 'ACBDFGHI')
    await post('events', { type: 'sequence.seen', asset: 'line2/doors', data: { order, variant: 'red' } })
  for (const size of SIZES) {
    const { page, faults } = await open('sequence', size)
    const tracks = page.locator('[data-checkpoint="line2 / doors"]')
    await tracks.getByRole('img', { name: 'C swapped, B swapped, E missing' }).waitFor()
    await page.locator('[data-order="E"][data-class="missing"]').waitFor()
    await fits(page, size.width)
    assert.deepEqual(faults, [])
    await page.close()
  }
})

test('map: a hazard that three cars confirm, and ten thousand cars that can still be moved', { skip }, async () => {
  for (const car of ['a', 'b', 'c']) await post(`ingest/fleet/${car}`, { lat: 52.52, lon: 13.4, slip: 0.4 })
  for (const size of SIZES) {
    const { page, faults } = await open('map', size)
    await page.locator('[data-hazard="ice"]').getByText('confirmed by 3 cars').waitFor()
    await page.locator('canvas[data-vehicles="3"][data-hazards="1"]').waitFor()
    await page.locator('[data-vehicle="acme/berlin/fleet/b"] button').click()
    await page.getByText('All values of b').waitFor()
    await fits(page, size.width)
    assert.deepEqual(faults, [])
    await page.close()
  }
  for (let begin = 3; begin < CARS; begin += 100) {
    const cars = Array.from({ length: Math.min(100, CARS - begin) }, (_, count) => begin + count)
    const values = (n: number) => ({ lat: 52 + (n % 100) / 100, lon: 13 + Math.floor(n / 100) / 100, slip: 0 })
    await Promise.all(cars.map((n) => post(`ingest/fleet/n${n}`, values(n))))
  }
  const { page, faults } = await open('map', SIZES[0])
  const canvas = page.locator(`canvas[data-vehicles="${CARS}"]`)
  await canvas.waitFor()
  // Clustered: a mark for a cell of the canvas.
  const marks = Number(await canvas.getAttribute('data-marks'))
  assert.ok(marks > 10 && marks < 1_000, `${marks} marks`)
  await canvas.focus()
  for (let press = 0; press < 8; press += 1) await page.keyboard.press('+')
  const marksNow = 'Number(document.querySelector("canvas").dataset.marks)'
  await page.waitForFunction(`${marksNow} < ${marks}`)
  await page.keyboard.press('0')
  await page.waitForFunction(`${marksNow} === ${marks}`)
  assert.deepEqual(faults, [])
  await page.close()
})
