import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { chromium } from 'playwright-core'
import { build } from 'vite'
import { need } from '../../tools/need.ts'
import { PRESS, READER, startServer, TOKENS } from '../api/server.ts'
import { CHROMIUM_ARGS } from '../e2e/chromium.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { MemoryHub } from '../../src/api/memory-hub.ts'

const executablePath = need('chromium')
const skip = executablePath === undefined ? 'Chromium is not installed' : false

/** What the page does with the client, as its own text. */
const PAGE = `
import { connect } from './client.js'
const hub = connect({ url: location.origin, token: '${READER}' })
const said = []
window.said = said
const { tags } = await hub.twin('${PRESS}')
said.push('twin ' + tags[0].value)
hub.live(['${PRESS}'], (change) => said.push(change.kind === 'twin' ? 'live ' + change.twin.tags[0].value : change.state))
`

test('the client works in a browser, with a token, and brings nothing along', { skip }, async (t) => {
  const folder = await temporaryFolder('browser')
  await build({
    configFile: false,
    logLevel: 'error',
    root: folder,
    build: {
      outDir: folder,
      emptyOutDir: false,
      lib: { entry: join(import.meta.dirname, '../../src/client.ts'), formats: ['es'], fileName: () => 'client.js' },
    },
  })
  await writeFile(join(folder, 'page.js'), PAGE)
  await writeFile(
    join(folder, 'index.html'),
    '<!doctype html><title>t</title><script type="module" src="/page.js"></script>',
  )
  const plant = new MemoryHub()
  plant.record(PRESS, [{ tag: 'temperature', value: 70 }], 1000)
  const { url } = await startServer(t, { hub: plant, tokens: TOKENS, pageFolder: folder })
  const browser = await chromium.launch({ executablePath: executablePath!, args: CHROMIUM_ARGS })
  t.after(() => browser.close())
  const page = await browser.newPage()
  await page.goto(url)
  const said = (count: number) =>
    page.waitForFunction((wanted) => (globalThis as never as Said).said?.length >= wanted, count)
  await said(3)
  plant.record(PRESS, [{ tag: 'temperature', value: 71 }], 2000)
  await said(4)
  assert.deepEqual(await page.evaluate(() => (globalThis as never as Said).said), [
    'twin 70',
    'live',
    'live 70',
    'live 71',
  ])
})

interface Said {
  readonly said: readonly string[]
}
