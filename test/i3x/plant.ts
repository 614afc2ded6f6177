import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parsePlant } from '../../src/cli/files.ts'
import { startHub } from '../../src/hub.ts'
import { testSystem } from '../api/server.ts'
import { until } from '../until.ts'

/** Two machines of a model, one of them with a tag that it does not declare, and two that no model describes. */
const PLANT = `site: acme/berlin
log: { embedded: { listen: 0, partitions: 1 } }
models:
  press@1:
    tags:
      temperature: { unit: Cel, range: [0, 120], description: Of the oil }
      cycles: { kind: counter }
      state: { kind: state, states: packml }
      serial: { type: int64 }
assets:
  hall/line1/press1: { model: press@1, relations: { feeds: hall/line1/press2, fedBy: hall/line1 } }
  hall/line1/press2: { model: press@1, relations: { calibratedWith: hall/line1/press1 } }
sources: { posts: { http: {} } }
api: { listen: 0 }
`

const DATA: { readonly [asset: string]: object } = {
  'hall/line1': { power: 12.5 },
  'hall/line1-old/press': { temperature: 12 },
  'hall/line1/press1': { temperature: 71.3, cycles: 812, state: 'Execute', serial: '9007199254740993' },
  'hall/line1/press2': { temperature: 68.2, state: 'Held', 'door # 1 ': true, recipe: { id: 'A-113' } },
  'hall/tester': { 'torque 50%': 12.4, curve: [1, 2, 3], note: 'ok' },
}

export interface RunningPlant {
  readonly page: string
  post(asset: string, tags: object): Promise<void>
  close(): Promise<void>
}

/** A hub in this process whose twins show what its machines have sent. */
export async function startPlant(): Promise<RunningPlant> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-i3x-'))
  const plant = await parsePlant('plant.yaml', Buffer.from(PLANT))
  const hub = await startHub({ plant, dataDirectory: join(directory, 'data'), mode: 'run', system: testSystem() })
  const running: RunningPlant = {
    page: hub.page,
    async post(asset, tags) {
      const headers = { 'content-type': 'application/json' }
      const url = `${hub.page}/api/v1/ingest/${asset}`
      const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(tags) })
      if (answer.status !== 200) throw new Error(`${asset}: ${answer.status} ${await answer.text()}`)
    },
    async close() {
      await hub.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
  for (const [asset, tags] of Object.entries(DATA)) {
    await running.post(asset, tags)
    await until(async () => (await fetch(`${hub.page}/api/v1/values/acme/berlin/${asset}`)).ok)
  }
  return running
}
