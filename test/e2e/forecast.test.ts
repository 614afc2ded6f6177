import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { until } from '../until.ts'
import { fits, HubPages, SIZES, skipPages as skip } from './hub-page.ts'

/** What if, as a person asks it: a real hub, in a real browser. */

const PRESS = 'acme/berlin/line1/press1'
const OVEN = 'acme/berlin/line1/oven1'

let hub: HubPages

before(async () => {
  if (skip) return
  hub = await HubPages.start(`site: acme/berlin
sources: { office: { http: {} } }
models:
  press@1:
    tags:
      state: { kind: state, states: [Execute, Held], staleAfter: 1h }
      temperature: { unit: Cel, staleAfter: 1h }
      setpoint: { unit: Cel, range: [20, 120], staleAfter: 1h }
      energy: { kind: counter, unit: kWh, staleAfter: 1h }
    behaviour:
      horizon: 1h
      tags:
        temperature: "temperature + (setpoint - temperature) * dt / 600.0"
        energy: "energy + (state == 'Execute' ? 90.0 : 9.0) * dt / 3600.0"
      reaches: { warm: "temperature > 75.0" }
      totals: { energy: energy }
processors: { hot: { condition: { on: line1/*, when: "temperature > 90.0", severity: high } } }
assets: { line1/press1: { model: press@1 }, line1/oven1: {} }`)
  const values = { state: 'Execute', temperature: 60, setpoint: 60, energy: 1000 }
  await hub.post('ingest/line1/press1', [{ ts: Date.now(), values }])
  await hub.post('ingest/line1/oven1', [{ ts: Date.now(), values: { heat: 180 } }])
  await until(async () => (await fetch(`${hub.url}/api/v1/assets/${PRESS}`)).ok)
})

after(() => hub?.close())

for (const size of SIZES) {
  test(`a forecast as now, and what if, with its basis, at ${size.width} wide`, { skip }, async () => {
    const { page, faults } = await hub.open(`assets/${PRESS}`, size)
    const card = page.locator('.asset-forecast')
    await card.getByRole('button', { name: 'Forecast' }).click()
    await card.locator('.forecast-answer[data-lines="1"] canvas').waitFor()
    const asNow = card.locator('.forecast-case[data-case="as now"]')
    assert.match(await asNow.innerText(), /energy in all\s+90 kWh/)
    assert.match(await asNow.innerText(), /warm\s+not by then/)
    assert.match(await asNow.innerText(), /alarms\s+none would come/)
    await card.getByLabel('setpoint, °C').fill('100')
    await card.getByLabel('state').selectOption('Held')
    await card.getByRole('button', { name: 'Forecast' }).click()
    await card.locator('.forecast-answer[data-lines="2"] canvas').waitFor()
    const whatIf = card.locator('.forecast-case[data-case="what if"]')
    assert.match(await whatIf.innerText(), /energy in all\s+9 kWh/)
    assert.match(await whatIf.innerText(), /warm\s+after 5 min/)
    assert.match(await whatIf.innerText(), /alarm hot\s+high, after 14 min/)
    const labels = await card.locator('.u-legend .u-label').allInnerTexts()
    assert.deepEqual(
      labels.filter((label) => label.startsWith('Forecast')),
      ['Forecast of temperature, as now °C', 'Forecast of temperature, what if °C'],
    )
    const basis = await card.locator('.forecast-basis').innerText()
    assert.match(basis, /press@1/)
    assert.match(basis, /Stays as it is at the start: setpoint, state\./)
    assert.match(basis, /temperature 60 °C \(Good\).*setpoint 100 °C \(set\)/)
    await fits(page, size.width)
    if (process.env['SHOTS']) await card.screenshot({ path: `${process.env['SHOTS']}-${size.width}.png` })
    await card.getByLabel('setpoint, °C').fill('300')
    await card.getByRole('button', { name: 'Forecast' }).click()
    await card.getByRole('alert').waitFor()
    assert.match(await card.getByRole('alert').innerText(), /it is 300, want 20 to 120/)
    // The browser itself complains of each answer that is no 200; that one was asked for.
    assert.deepEqual(
      faults.filter((fault) => !/status of 400/.test(fault)),
      [],
    )
    await page.close()
  })
}

test('an asset whose model says nothing of it has no forecast', { skip }, async () => {
  const { page, faults } = await hub.open(`assets/${OVEN}`, SIZES[0])
  await page.locator('.tags [role=row]', { hasText: 'heat' }).waitFor()
  assert.equal(await page.locator('.asset-forecast').count(), 0)
  assert.deepEqual(faults, [])
  await page.close()
})
