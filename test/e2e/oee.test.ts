import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { chromium, type Browser } from 'playwright-core'
import { need } from '../../tools/need.ts'
import { HubProcess } from '../faults/hub-process.ts'
import { freePorts } from '../../tools/free-ports.ts'
import { HUB } from '../faults/kill-loop.ts'
import { CHROMIUM_ARGS } from './chromium.ts'

/** The page of OEE in a real browser: from the readings of yesterday to the figures, and back to the readings. */
const executablePath = need('chromium')
const skip = executablePath === undefined ? 'Chromium is not installed' : false

const BEGIN = Math.floor((Date.now() - 86_400_000) / 3_600_000) * 3_600_000
const MINUTE = 60_000
const PRESS = 'acme/berlin/line1/press1'

let directory: string
let hub: HubProcess
let browser: Browser
let url: string

before(async () => {
  if (executablePath === undefined) return
  directory = await mkdtemp(join(tmpdir(), 'millrace-oee-'))
  const [http, kafka] = (await freePorts(2)) as [number, number]
  url = `http://127.0.0.1:${http}`
  const config = join(directory, 'plant.yaml')
  await writeFile(
    config,
    `site: acme/berlin
log: { embedded: { listen: ${kafka}, partitions: 1 } }
sources: { machines: { http: {} } }
processors: { oee: { oee: { on: line1/*, idealCycle: 60s, target: 0.9, reasons: { E7: { name: oil too hot } }, tags: { state: state, total: cycles, scrap: scrap, reason: fault, order: order, product: product } } } }
api: { listen: ${http} }
`,
  )
  hub = new HubProcess([...HUB, config, '--data', join(directory, 'data')], url)
  await hub.start()
  const minutes = Array.from({ length: 64 }, (_, minute) => {
    const stands = minute >= 20 && minute < 30
    const cycles = minute - Math.min(10, Math.max(0, minute - 20))
    const state = stands ? 'Held' : 'Execute'
    const more = {
      cycles,
      scrap: minute > 40 ? 2 : 0,
      fault: stands ? 'E7' : '',
      order: 'O-1',
      product: 'door',
    }
    return { ts: BEGIN + minute * MINUTE, values: { state, ...more } }
  })
  const body = JSON.stringify(minutes)
  const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body }
  assert.equal((await fetch(`${url}/api/v1/ingest/line1/press1`, post)).status, 200)
  const asked = `${url}/api/v1/events?type=oee.result&asset=line1/*`
  const isTold = async () => (await (await fetch(asked)).text()).includes(`hour:${BEGIN}`)
  for (let tries = 0; !(await isTold()) && tries < 200; tries += 1) await sleep(200)
  browser = await chromium.launch({ executablePath, args: CHROMIUM_ARGS })
})

after(async () => {
  if (executablePath === undefined) return
  await browser.close()
  await hub.kill()
  await rm(directory, { recursive: true, force: true })
})

for (const [name, viewport] of [
  ['desktop', { width: 1440, height: 900 }],
  ['phone', { width: 390, height: 844 }],
] as const) {
  test(
    `an hour of a press: figures, losses, reasons, orders, and the readings that made a stop (${name})`,
    { skip },
    async () => {
      const page = await browser.newPage({ viewport })
      const faults: string[] = []
      page.on('pageerror', (error) => faults.push(String(error)))
      page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
      await page.goto(`${url}/#/oee/${PRESS}?period=hour&at=${BEGIN}`)
      await page.locator('[data-kpi="OEE"]').getByText('80.0 %').waitFor()
      // It ran 50 of 60 minutes and made 50 parts of 60 s in them, 48 of them good.
      assert.match(await page.locator('[data-kpi="OEE"]').innerText(), /below the target of 90.0 %/)
      const kpis = ['Availability', 'Effectiveness', 'Quality', 'Unknown']
      const shown = await Promise.all(kpis.map((kpi) => page.locator(`[data-kpi="${kpi}"] .oee-value`).innerText()))
      assert.deepEqual(shown, ['83.3 %', '100.0 %', '96.0 %', '0.0 %'])
      assert.match(await page.locator('[data-step="breakdown"]').innerText(), /Breakdown\s+10 min/)
      assert.match(await page.locator('[data-step="good"]').innerText(), /Good parts\s+48 min/)
      await page.getByRole('button', { name: 'Reason' }).click()
      assert.match(await page.locator('[data-bar="E7"]').innerText(), /oil too hot\s+10 min 1×/)
      assert.match(await page.locator('[data-groups="orders"]').innerText(), /O-1\s+door\s+80.0 %\s+48\s+2/)
      const line = page.locator(`[data-timeline="${PRESS}"] .oee-line`)
      await line.focus()
      const detail = page.locator('.oee-detail')
      await page.keyboard.press('ArrowRight')
      await detail.getByText('Running').waitFor()
      const box = (await line.boundingBox())!
      await line.click({ position: { x: (box.width * 25) / 60, y: 10 } })
      await detail.getByText('Breakdown').waitFor()
      assert.match(await detail.innerText(), /for 10 min, press1 in Held, reason E7/)
      const width = await page.evaluate('document.documentElement.scrollWidth')
      assert.ok(Number(width) <= viewport.width, `the page is ${String(width)} wide, want no sideways scrolling`)
      await detail.getByRole('link').first().click()
      await page.locator('[data-record="0:20"]').waitFor()
      await page.locator('[data-record="0:20"] summary').click()
      await page.locator('[data-record="0:20"]').getByText('"state": "Held"').waitFor()
      assert.deepEqual(faults, [])
      await page.close()
    },
  )
}

test(
  'a place shows its machines, any past time is chosen by its ends, and time without a record is unknown',
  { skip },
  async () => {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
    await page.goto(`${url}/#/oee/acme/berlin?from=${BEGIN - 30 * MINUTE}&to=${BEGIN + 30 * MINUTE}`)
    await page.locator(`[data-member="${PRESS}"]`).waitFor()
    assert.match(await page.locator(`[data-member="${PRESS}"]`).innerText(), /press1/)
    assert.equal(await page.locator('[data-kpi="Unknown"] .oee-value').innerText(), '50.0 %')
    await page.getByRole('navigation', { name: 'Period' }).getByText('Day').click()
    await page.locator(`[data-member="${PRESS}"]`).waitFor()
    await page.locator(`[data-member="${PRESS}"]`).getByRole('link').click()
    await page.waitForURL(/#\/oee\/acme\/berlin\/line1\/press1\?period=day$/)
    await page.locator('[data-place="acme/berlin/line1"] a').click()
    await page.waitForURL(/#\/oee\/acme\/berlin\/line1$/)
    await page.close()
  },
)
