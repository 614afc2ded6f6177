import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { until } from '../until.ts'
import { fits, HubPages, SIZES, skipPages as skip } from './hub-page.ts'

/** Values over time as a person sees them: back-filled over HTTP, out of the historian, drawn in a real browser. */

const HOUR = 3_600_000
const PRESS = 'acme/berlin/line1/press1'
const OVEN = 'acme/berlin/line1/oven1'
const ROWS = 720

let hub: HubPages

before(async () => {
  if (skip) return
  hub = await HubPages.start(`site: acme/berlin
sources: { office: { http: {} } }
models: { press@1: { tags: { temperature: { unit: Cel }, running: { type: boolean }, state: { kind: state } } } }
assets: { line1/press1: { model: press@1 } }`)
  const now = Date.now()
  const rows = Array.from({ length: ROWS }, (_, at) => ({
    ts: now - HOUR + (at * HOUR) / ROWS,
    values: { temperature: 40 + 10 * Math.sin(at / 30), running: at % 60 < 40, state: at < 360 ? 'Idle' : 'Execute' },
  }))
  await hub.post('ingest/line1/press1', rows)
  await hub.post('ingest/line1/oven1', [{ ts: now - 600_000, values: { heat: 180 } }])
  await stored(`${hub.url}/api/v1/assets/${PRESS}/history?tags=temperature&from=${now - 2 * HOUR}&limit=10000`, ROWS)
})

after(() => hub?.close())

/** The historian is about a second behind the log. */
async function stored(url: string, samples: number): Promise<void> {
  const isThere = async () => {
    const answer = (await (await fetch(url)).json()) as { series: { samples: unknown[] }[] }
    return answer.series[0]?.samples.length === samples
  }
  await until(isThere, { everyMs: 50 })
}

async function drawn(page: Page, lines: number): Promise<void> {
  await page.locator(`.history-chart[data-lines="${lines}"][data-loading="false"] canvas`).waitFor()
}

for (const size of SIZES) {
  test(`an asset: a tag over time, looked at closer, at ${size.width} wide`, { skip }, async () => {
    const { page, faults } = await hub.open(`assets/${PRESS}`, size)
    await page.getByLabel('Trend of temperature').click()
    await drawn(page, 1)
    const from = page.locator('.asset-trend').getByLabel('From')
    const before = await from.inputValue()
    const over = page.locator('.asset-trend .u-over')
    await over.scrollIntoViewIfNeeded()
    const box = (await over.boundingBox())!
    await page.mouse.move(box.x + box.width * 0.6, box.y + 60)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width * 0.8, box.y + 60, { steps: 4 })
    await page.mouse.up()
    await until(async () => (await from.inputValue()) !== before)
    // Three fifths of an hour further.
    const moved = (Date.parse(await from.inputValue()) - Date.parse(before)) / 60_000
    assert.ok(moved > 34 && moved < 38, `it begins ${moved} minutes later`)
    await drawn(page, 1)
    await page.getByRole('button', { name: 'Wider' }).click()
    await drawn(page, 1)
    await fits(page, size.width)
    assert.deepEqual(faults, [])
    await page.close()
  })

  test(
    `history: tags of several assets, summed up, listed, and as a file, at ${size.width} wide`,
    { skip },
    async () => {
      const { page, faults } = await hub.open(`history/${PRESS}`, size)
      await page.getByRole('button', { name: '+ temperature' }).click()
      await drawn(page, 1)
      await page.getByRole('button', { name: '+ running' }).click()
      await drawn(page, 2)
      assert.equal(await page.getByRole('button', { name: '+ state' }).count(), 0, 'a text is no line')
      await page.goto(`${hub.url}/#/history/${OVEN}?series=${PRESS}:temperature,${PRESS}:running,${OVEN}:heat`)
      await drawn(page, 3)
      const names = ['press1 temperature °C', 'press1 running', 'oven1 heat']
      const labels = await page.locator('.u-legend .u-label').allInnerTexts()
      assert.deepEqual(
        labels.filter((label) => !/^(Time|most|least)/.test(label)),
        names,
      )
      await page.getByText('Values as they came').click()
      await page.locator('.history-columns caption', { hasText: 'heat' }).waitFor()
      await page.locator('.history-columns td', { hasText: /^180$/ }).waitFor()
      await page.getByLabel('Summed up by').selectOption('Maximum')
      await page.getByLabel('Each').selectOption('10m')
      await drawn(page, 3)
      await page.getByRole('button', { name: 'Leave out heat' }).click()
      await drawn(page, 2)
      const download = page.waitForEvent('download')
      await page.getByRole('link', { name: 'press1 as CSV' }).click()
      const rows = (await readFile(await (await download).path(), 'utf8')).trim().split('\n')
      assert.ok(rows.length > 10, `the file has ${rows.length} rows`)
      assert.match(rows[0]!, /time/)
      await fits(page, size.width)
      assert.deepEqual(faults, [])
      await page.close()
    },
  )
}
