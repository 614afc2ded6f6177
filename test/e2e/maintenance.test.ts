import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { loadPlant } from '../../src/config/load.ts'
import { machine } from '../../src/cli/machine.ts'
import { startHub } from '../../src/hub.ts'
import { KINDS } from '../../src/registry.ts'
import { need } from '../../tools/need.ts'
import { post } from '../cli/millrace.ts'
import { dataDirectory } from '../hub/lives.ts'
import { CHROMIUM_ARGS } from './chromium.ts'
import { buildPage, type BuiltPage } from './built-page.ts'

/** The page of maintenance in a real browser, on a real hub that foretells: what is due, and that it is done. */
const skip = need('chromium') === undefined ? 'needs chromium' : false

let built: BuiltPage

before(async () => {
  if (skip) return
  // The page is handed to the browser by the test, so the hub's own stream is a network of its own to it.
  built = await buildPage([...CHROMIUM_ARGS, '--disable-features=LocalNetworkAccessChecks'])
})

after(() => built?.close())

const HOUR = 3_600_000
const PLANT = `site: acme/berlin
log: { embedded: { listen: 0, partitions: 2 } }
sources: { posts: { http: {} } }
processors:
  wear:
    remaining-life: { on: press-shop/**, tags: wear, limit: { above: 10 }, horizon: 3d, costs: { planned: 400, failure: 2500 } }
api: { listen: 0 }
`

/** Hours of a machine that wears at a pace until now. */
function rows(hours: number, perHour: number) {
  const now = Date.now()
  return Array.from({ length: hours }, (_, hour) => ({
    ts: now - (hours - hour) * HOUR,
    values: { wear: 1 + hour * perHour + 0.1 * Math.sin(hour * 1.7) },
  }))
}

for (const [name, viewport] of [
  ['desktop', { width: 1440, height: 900 }],
  ['phone', { width: 390, height: 844 }],
] as const) {
  test(`what is due comes first, and maintenance that is done makes it new (${name})`, { skip }, async (t) => {
    const system = machine({ logLevel: 'error', logFormat: 'text' })
    const plant = await loadPlant('plant.yaml', Buffer.from(PLANT), KINDS, {
      env: {},
      readFile: () => Promise.resolve(undefined),
    })
    const hub = await startHub({ plant, dataDirectory: await dataDirectory(), mode: 'run', system })
    t.after(() => hub.close())
    await post(hub.page, 'press-shop/line1/press1', rows(160, 0.05))
    await post(hub.page, 'press-shop/line1/press2', rows(100, 0.02))
    await post(hub.page, 'press-shop/line1/press3', rows(120, 0.06))
    const page = await built.browser.newPage({ viewport })
    t.after(() => page.close())
    const complaints: string[] = []
    page.on('console', (message) => void (message.type() === 'error' && complaints.push(message.text())))
    page.on('pageerror', (error) => void complaints.push(error.message))
    await page.route(
      ({ pathname }) => !pathname.startsWith('/api/'),
      (route) =>
        route.fulfill({
          path: join(built.folder, new URL(route.request().url()).pathname.replace(/\/$/, '/index.html')),
        }),
    )
    await page.goto(`${hub.page}/#/maintenance`)
    const press = (number: number) => page.locator(`[data-life="acme/berlin/press-shop/line1/press${number}"]`)
    for (const number of [1, 2, 3]) await press(number).waitFor()
    await press(1).locator('.life-due .count').waitFor()
    assert.equal(await page.locator('.tree [data-state="bad"]').count(), 0, 'what is not foretold is not bad')
    const order = await page.locator('.life h3').allInnerTexts()
    assert.deepEqual(order, ['press1', 'press3', 'press2'])

    await press(1).getByRole('button', { name: 'Maintenance done' }).click()
    await press(1).getByRole('button', { name: 'It is as new' }).click()
    await press(1).getByText('Nothing can be said yet').waitFor()
    await press(1).getByText('Nothing due').waitFor()
    const width = await page.evaluate('document.documentElement.scrollWidth')
    assert.ok(Number(width) <= viewport.width, `the page is ${String(width)} wide, want no sideways scrolling`)
    assert.deepEqual(complaints, [])
  })
}
