import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { parsePlant } from '../../src/cli/files.ts'
import { startHub } from '../../src/hub.ts'
import { testSystem } from '../api/server.ts'

/** A plant with a nameplate, and presses that have said something and have not. */
export const PRESSES = `
models:
  press@1:
    meta: { manufacturer: Muster AG, productDesignation: Press 400 }
    tags:
      state:       { kind: state, states: packml }
      temperature: { unit: Cel, range: [0, 120] }
      "motor.on":  { type: boolean }
      cycles:      { kind: counter, type: int64 }
      recipe:      { type: structure }
assets:
  press-shop/line1/press{1..3}: { model: press@1, meta: { serialNumber: "4711", hall: 7 } }
`

/** A real hub that takes posts, serves shells, and ends with the test; answers the address of its door. */
export async function aasHub(t: TestContext, plant: string, environments: readonly string[] = []) {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-aas-'))
  for (const [index, text] of environments.entries()) await writeFile(join(directory, `${index}.json`), text)
  const files = environments.map((_, index) => `file:${index}.json`)
  const config = `site: acme/berlin
log: { embedded: { listen: 0, partitions: 1 } }
${plant}
sources: { posts: { http: {} } }
api: { listen: 0, aas: [${files.join(', ')}] }
`
  const parsed = await parsePlant(join(directory, 'plant.yaml'), Buffer.from(config))
  const options = { plant: parsed, dataDirectory: join(directory, 'data'), mode: 'run', system: testSystem() } as const
  const hub = await startHub(options)
  t.after(async () => {
    await hub.close()
    await rm(directory, { recursive: true, force: true })
  })
  return { page: hub.page, door: `${hub.page}/aas/api/v3.0` }
}

/** An identifier as addresses have it. */
export function encodedId(id: string): string {
  return Buffer.from(id).toString('base64url')
}
