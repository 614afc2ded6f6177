import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import mqtt from 'mqtt'
import { chromium, type Browser, type Page } from 'playwright-core'
import { need } from '../../tools/need.ts'
import { HubProcess } from '../faults/hub-process.ts'
import { freePorts } from '../../tools/free-ports.ts'
import { HUB } from '../faults/kill-loop.ts'
import { CHROMIUM_ARGS } from './chromium.ts'

/** The whole way, as a person sees it: an MQTT publish, the log, the twin, the page in a real browser. */
const executablePath = need('chromium')
const skip = executablePath === undefined ? 'Chromium is not installed' : false

let directory: string
let hub: HubProcess
let browser: Browser
let ports: number[]

before(async () => {
  if (executablePath === undefined) return
  directory = await mkdtemp(join(tmpdir(), 'millrace-page-'))
  ports = await freePorts(3)
  const config = join(directory, 'plant.yaml')
  await writeFile(
    config,
    `site: acme/berlin
log: { embedded: { listen: ${ports[2]} } }
models: { press@1: { tags: { temperature: { unit: Cel, range: [0, 120] }, state: { kind: state, states: packml } } } }
assets: { "press-shop/line1/press{1..2}": { model: press@1 } }
sources: { devices: { mqtt: { listen: ${ports[1]}, topics: { "{path...}": { asset: "{path}" } } } } }
api: { listen: ${ports[0]} }
`,
  )
  hub = new HubProcess([...HUB, config, '--data', join(directory, 'data')], `http://127.0.0.1:${ports[0]}`)
  await hub.start()
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
  ['phone', { width: 375, height: 812 }],
] as const) {
  test(`a value goes from an MQTT publish to the screen (${name})`, { skip }, async () => {
    const page = await browser.newPage({ viewport })
    const faults: string[] = []
    page.on('pageerror', (error) => faults.push(String(error)))
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
    const outside: string[] = []
    page.on(
      'request',
      (request) => request.url().startsWith(`http://127.0.0.1:${ports[0]}/`) || outside.push(request.url()),
    )

    await page.goto(`http://127.0.0.1:${ports[0]}/#/assets/acme/berlin/press-shop/line1/press1`)
    const value = page.locator('[data-asset="acme/berlin/press-shop/line1/press1"] [data-tag="temperature"]').first()
    await value.waitFor()
    const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${ports[1]}`)
    for (const temperature of [71.25, 68.5]) {
      await device.publishAsync('press-shop/line1/press1', JSON.stringify({ temperature, state: 'Execute' }), {
        qos: 1,
      })
      await value.getByText(String(temperature)).waitFor({ timeout: 5_000 })
    }
    await device.publishAsync('press-shop/line1/press1', '{"temperature": 130.5}', { qos: 1 })
    await page.getByText('Uncertain').first().waitFor({ timeout: 5_000 })
    await device.endAsync()

    await assertFits(page, viewport)
    await page.goto(`http://127.0.0.1:${ports[0]}/#/log`)
    await page.getByText('Embedded log, a single node: no other broker has a copy').waitFor({ timeout: 5_000 })
    await page.getByRole('link', { name: 'acme.berlin.telemetry', exact: true }).waitFor({ timeout: 5_000 })
    await assertFits(page, viewport)
    if (process.env['SHOTS']) await page.screenshot({ path: `${process.env['SHOTS']}-${name}.png` })
    assert.deepEqual(faults, [])
    assert.deepEqual(outside, [])
    await page.close()
  })
}

async function assertFits(page: Page, viewport: { readonly width: number; readonly height: number }): Promise<void> {
  const width = await page.evaluate('document.documentElement.scrollWidth')
  assert.ok(Number(width) <= viewport.width, `the page is ${String(width)} wide, want no sideways scrolling`)
}
