import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type Browser, type Page } from 'playwright-core'
import { freePorts } from '../../tools/free-ports.ts'
import { need } from '../../tools/need.ts'
import { HubProcess } from '../faults/hub-process.ts'
import { HUB } from '../faults/kill-loop.ts'
import { CHROMIUM_ARGS } from './chromium.ts'

/** Why tests of pages are skipped here; false: they are not. */
export const skipPages = need('chromium') === undefined ? 'Chromium is not installed' : false

/** What people look at pages with. */
export const SIZES = [
  { width: 1440, height: 900 },
  { width: 390, height: 844 },
] as const

export interface OpenPage {
  readonly page: Page
  /** What went wrong on it: errors, complaints of the browser, requests to anybody but the hub. */
  readonly faults: readonly string[]
}

/** A hub as a process of its own, and its page in a real browser. */
export class HubPages {
  readonly url: string
  readonly mqtt: string
  readonly #hub: HubProcess
  readonly #browser: Browser
  readonly #directory: string

  private constructor(
    { url, mqtt }: { url: string; mqtt: string },
    hub: HubProcess,
    browser: Browser,
    directory: string,
  ) {
    this.url = url
    this.mqtt = mqtt
    this.#hub = hub
    this.#browser = browser
    this.#directory = directory
  }

  /** `plant`: the config but for `log` and `api`; `MQTT` in it is a port. */
  static async start(plant: string): Promise<HubPages> {
    const directory = await mkdtemp(join(tmpdir(), 'millrace-page-'))
    const [http, kafka, mqtt] = (await freePorts(3)) as [number, number, number]
    const url = `http://127.0.0.1:${http}`
    const config = join(directory, 'plant.yaml')
    const log = `log: { embedded: { listen: ${kafka}, partitions: 1 } }`
    await writeFile(config, `${plant.replace('MQTT', String(mqtt))}\n${log}\napi: { listen: ${http} }\n`)
    const hub = new HubProcess([...HUB, config, '--data', join(directory, 'data')], url)
    await hub.start()
    const browser = await chromium.launch({ executablePath: need('chromium')!, args: CHROMIUM_ARGS })
    return new HubPages({ url, mqtt: `mqtt://127.0.0.1:${mqtt}` }, hub, browser, directory)
  }

  async close(): Promise<void> {
    await this.#browser.close()
    await this.#hub.kill()
    await rm(this.#directory, { recursive: true, force: true })
  }

  /** Sends something to the API: `ingest/press1`, `events`. */
  async post(route: string, body: unknown): Promise<void> {
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    const answer = await fetch(`${this.url}/api/v1/${route}`, init)
    assert.equal(answer.status, 200, await answer.text())
  }

  /** Opens `#/{hash}`. */
  async open(hash: string, viewport: { readonly width: number; readonly height: number }): Promise<OpenPage> {
    const page = await this.#browser.newPage({ viewport: { ...viewport } })
    const faults: string[] = []
    page.on('pageerror', (error) => faults.push(String(error)))
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
    page.on('request', (request) => request.url().startsWith(`${this.url}/`) || faults.push(request.url()))
    await page.goto(`${this.url}/#/${hash}`)
    return { page, faults }
  }
}

/** Nothing has to be scrolled sideways. */
export async function fits(page: Page, width: number): Promise<void> {
  const wide = Number(await page.evaluate('document.documentElement.scrollWidth'))
  assert.ok(wide <= width, `the page is ${wide} wide, want no sideways scrolling`)
}
