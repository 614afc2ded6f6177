import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium, type Browser } from 'playwright-core'
import { build } from 'vite'
import { need } from '../../tools/need.ts'
import { CHROMIUM_ARGS } from './chromium.ts'

/** The page as it is in the source, built into a folder of its own, and a browser to look at it. */
export interface BuiltPage {
  readonly folder: string
  readonly browser: Browser
  close(): Promise<void>
}

export async function buildPage(args: string[] = CHROMIUM_ARGS): Promise<BuiltPage> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-page-'))
  const root = fileURLToPath(new URL('../../ui', import.meta.url))
  await build({ root, logLevel: 'warn', build: { outDir: folder, emptyOutDir: true } })
  const browser = await chromium.launch({ executablePath: need('chromium')!, args })
  return {
    folder,
    browser,
    async close() {
      await browser.close()
      await rm(folder, { recursive: true })
    },
  }
}
