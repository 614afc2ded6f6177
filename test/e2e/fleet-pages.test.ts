import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { until } from '../until.ts'
import { fits, HubPages, SIZES, skipPages as skip } from './hub-page.ts'

/** Stock, sequence and map as a person sees them: events and values over HTTP, the processors, the pages in a real browser. */

const CARS = 10_000

let hub: HubPages

before(async () => {
  if (skip) return
  hub = await HubPages.start(`site: acme/berlin
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
    swarm: { on: fleet/*, confirm: { cars: 3, within: 5m }, hazards: { ice: "slip > 0.2" } }`)
})

after(() => hub?.close())

test('stock: below zero is at the top, with the call for more and what has changed it', { skip }, async () => {
  const moved = (material: string, quantity: number, to: object) => ({
    type: 'stock.moved',
    asset: 'warehouse',
    data: { material, quantity, ...to },
  })
  await hub.post('events', [
    moved('nut', 500, { to: 'line2/rack' }),
    moved('bolt', 30, { to: 'line2/rack' }),
    moved('bolt', 35, { from: 'line2/rack' }),
    { type: 'stock.booked', asset: 'line2/rack', data: { material: 'bolt', quantity: 4 } },
  ])
  for (const size of SIZES) {
    const { page, faults } = await hub.open('stock', size)
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
  await hub.post('events', { type: 'sequence.planned', asset: 'line2', data: { positions } })
  for (const order of 'ACBDFGHI')
    await hub.post('events', { type: 'sequence.seen', asset: 'line2/doors', data: { order, variant: 'red' } })
  for (const size of SIZES) {
    const { page, faults } = await hub.open('sequence', size)
    const tracks = page.locator('[data-checkpoint="line2 / doors"]')
    await tracks.getByRole('img', { name: 'C swapped, B swapped, E missing' }).waitFor()
    await page.locator('[data-order="E"][data-class="missing"]').waitFor()
    await fits(page, size.width)
    assert.deepEqual(faults, [])
    await page.close()
  }
})

test('map: a hazard that three cars confirm, and ten thousand cars that can still be moved', { skip }, async () => {
  for (const car of ['a', 'b', 'c']) await hub.post(`ingest/fleet/${car}`, { lat: 52.52, lon: 13.4, slip: 0.4 })
  for (const size of SIZES) {
    const { page, faults } = await hub.open('map', size)
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
    await Promise.all(cars.map((n) => hub.post(`ingest/fleet/n${n}`, values(n))))
  }
  const { page, faults } = await hub.open('map', SIZES[0])
  const canvas = page.locator(`canvas[data-vehicles="${CARS}"]`)
  await canvas.waitFor()
  // The map is fitted to the cars in the frame after they are there. Clustered: a mark for a cell of the canvas.
  const marksNow = async () => Number(await canvas.getAttribute('data-marks'))
  await until(async () => (await marksNow()) > 10)
  const marks = await marksNow()
  assert.ok(marks < 1_000, `${marks} marks`)
  await canvas.focus()
  for (let press = 0; press < 8; press += 1) await page.keyboard.press('+')
  await until(async () => (await marksNow()) < marks)
  await page.keyboard.press('0')
  await until(async () => (await marksNow()) === marks)
  assert.deepEqual(faults, [])
  await page.close()
})

test('map: all that is there is in sight, also where the hazards are heard of first', { skip }, async () => {
  const { page, faults } = await hub.open('map', SIZES[0])
  const hazardsAreThere = Promise.withResolvers<void>()
  await page.route('**/api/v1/values?*', async (route) => {
    await hazardsAreThere.promise
    await route.continue()
  })
  await page.reload()
  await page.locator('canvas[data-vehicles="0"][data-hazards="1"]').waitFor()
  hazardsAreThere.resolve()
  const canvas = page.locator(`canvas[data-vehicles="${CARS}"]`)
  await canvas.waitFor()
  await until(async () => Number(await canvas.getAttribute('data-marks')) > 10)
  assert.deepEqual(faults, [])
  await page.close()
})
