import assert from 'node:assert/strict'
import { after, before, test, type TestContext } from 'node:test'
import { MemoryHub } from '../../src/api/memory-hub.ts'
import type { AlarmTransition } from '../../src/model/alarm.ts'
import { need } from '../../tools/need.ts'
import { fillPlant } from '../api/plant.ts'
import { startServer } from '../api/server.ts'
import { buildPage, type BuiltPage } from './built-page.ts'

/** The page of alarms in a real browser, on a real server whose alarms come out of a log. */
const skip = need('chromium') === undefined ? 'needs chromium' : false

let built: BuiltPage

before(async () => {
  if (skip) return
  built = await buildPage()
})

after(() => built?.close())

/** One of the presses of `fillPlant`. */
const PRESS = 'acme/berlin/press-shop/line2/press7'

const DESKTOP = { width: 1440, height: 900 }
const PHONE = { width: 390, height: 844 }

async function open(t: TestContext, viewport: typeof DESKTOP, ...steps: readonly AlarmTransition[]) {
  const hub = new MemoryHub()
  fillPlant(hub, Date.now())
  const server = await startServer(t, { hub, pageFolder: built.folder })
  await server.tell(...steps)
  const page = await built.browser.newPage({ viewport })
  t.after(() => page.close())
  const complaints: string[] = []
  page.on('console', (message) => void (message.type() === 'error' && complaints.push(message.text())))
  page.on('pageerror', (error) => void complaints.push(error.message))
  await page.goto(`${server.url}/#/alarms`)
  return { ...server, page, complaints }
}

function raise(asset: string, alarm: string, more: Partial<AlarmTransition> = {}): AlarmTransition {
  return { asset, alarm, action: 'raise', time: Date.now(), priority: 'high', message: `Check it: ${alarm}`, ...more }
}

const UNUSUAL = raise(PRESS, 'unusual', {
  priority: 'medium',
  detail: {
    since: Date.now() - 300_000,
    score: 7.25,
    deviations: [
      { tag: 'temperature', kind: 'level', rows: 8, seen: 97.25, expected: 71.3, low: 68.5, high: 74, before: 71 },
    ],
  },
})

for (const [name, viewport] of [
  ['desktop', DESKTOP],
  ['phone', PHONE],
] as const) {
  test(
    `an alarm is seen, explained, acknowledged with a reason and shelved for a time (${name})`,
    { skip },
    async (t) => {
      const { page, complaints, tell, url } = await open(t, viewport, raise(PRESS, 'hot'), UNUSUAL)
      const row = (section: string, alarm: string) =>
        page.locator(`[data-section="${section}"] [data-alarm="${PRESS} ${alarm}"]`)
      await row('calling', 'hot').waitFor()
      assert.equal(
        await page
          .locator('.alarm-counts')
          .innerText()
          .then((text) => text.replaceAll(/\s+/g, ' ')),
        '1 high 1 medium',
      )
      await row('calling', 'unusual').locator('summary').click()
      await page.getByText('97.25').waitFor()
      await page.getByLabel('Reason or comment').fill('on my way')
      await page.getByRole('button', { name: 'Acknowledge' }).click()
      await row('known', 'unusual').waitFor()
      await row('known', 'unusual').locator('summary').click()
      await page.getByText('on my way').waitFor()
      await page.getByRole('button', { name: 'Shelve…' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByLabel('4 h', { exact: true }).check()
      await dialog.getByLabel('Reason').fill('sensor is loose')
      await dialog.getByRole('button', { name: 'Shelve' }).click()
      await row('hidden', 'unusual').waitFor()
      // What the hub hears comes by itself.
      await tell({ asset: PRESS, alarm: 'hot', action: 'clear', time: Date.now() })
      await row('calling', 'hot').getByText('over, not acknowledged').waitFor()

      await page.goto(`${url}/#/alarms/journal`)
      await page.locator('.journal-row[data-action="shelve"]').getByText('sensor is loose').waitFor()
      await page.goto(`${url}/#/alarms/figures`)
      await page.getByText('The ten that come most often').waitFor()
      await page.goto(`${url}/#/assets/${PRESS}`)
      await page.locator(`[data-section="asset"] [data-alarm="${PRESS} unusual"]`).waitFor()
      await page.locator('[data-tag="temperature"]').getByText('usually 68.5 to 74.0, unusual for 5 min').waitFor()
      const width = await page.evaluate('document.documentElement.scrollWidth')
      assert.ok(Number(width) <= viewport.width, `the page is ${String(width)} wide, want no sideways scrolling`)
      assert.deepEqual(complaints, [])
    },
  )
}

test(
  'a flood of 10,000 alarms is a line, its members come in pages, and one click answers a page',
  { skip },
  async (t) => {
    const flood = Array.from({ length: 10_000 }, (_, car) => raise(`acme/berlin/fleet/car${car}`, 'battery.lo'))
    const { page } = await open(t, PHONE, raise(PRESS, 'door', { priority: 'critical' }), ...flood)
    await page.getByText('Alarm flood.').waitFor()
    await page.locator('[data-group]').getByText('10\u202f000 alarms').waitFor()
    // What is worse stands above it.
    assert.equal(await page.locator('.alarm').first().getAttribute('data-alarm'), `${PRESS} door`)
    await page.locator('[data-group] summary').first().click()
    await page.getByText('1 to 25 of 10\u202f000').waitFor()
    const elements = await page.locator('*').count()
    assert.ok(elements < 1_500, `the page has ${elements} elements`)
    const width = await page.evaluate('document.documentElement.scrollWidth')
    assert.ok(Number(width) <= PHONE.width, `the page is ${String(width)} wide`)
    await page.getByRole('button', { name: 'Acknowledge these 25' }).click()
    await page.locator('[data-section="calling"] [data-group]').getByText('9\u202f975 alarms').waitFor()
    await page.locator('[data-section="known"] [data-group]').getByText('25 alarms').waitFor()
  },
)

test('a command that the hub refuses says why on the page', { skip }, async (t) => {
  const { page, hub } = await open(t, DESKTOP, raise(PRESS, 'hot'))
  await page.locator(`[data-alarm="${PRESS} hot"] summary`).click()
  hub.view = { ...hub.view, log: { ...hub.view.log, state: 'failed', reason: 'The disk is full' } }
  await page.getByRole('button', { name: 'Acknowledge' }).click()
  await page.getByText('Cannot store the request: The disk is full').waitFor()
})
