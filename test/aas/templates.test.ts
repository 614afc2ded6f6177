import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { aasHub, encodedId, PRESSES } from './hub.ts'

const SHARED = fileURLToPath(new URL('../../../shared/data/aas/', import.meta.url))
const OWN = fileURLToPath(new URL('all-elements.json', import.meta.url))

/** Of two files with the same ids only one can be served at a time. */
const files = existsSync(SHARED)
  ? readdirSync(SHARED)
      .filter((name) => name.endsWith('.json'))
      .map((name) => `${SHARED}${name}`)
  : []

interface Environment {
  readonly assetAdministrationShells: readonly Identifiable[]
  readonly submodels: readonly Identifiable[]
}

interface Identifiable {
  readonly id: string
}

for (const file of [OWN, ...files]) {
  test(`what is loaded is served and exported as it was written: ${file.split('/').at(-1)}`, async (t) => {
    const written = readFileSync(file, 'utf8')
    const environment = JSON.parse(written) as Environment
    const { door } = await aasHub(t, PRESSES, [written])
    const get = async (path: string) => (await fetch(`${door}${path}`)).text()

    for (const shell of environment.assetAdministrationShells)
      assertSame(await get(`/shells/${encodedId(shell.id)}`), JSON.stringify(shell))
    for (const submodel of environment.submodels) {
      const at = `/submodels/${encodedId(submodel.id)}`
      assertSame(await get(`${at}?extent=withBlobValue`), JSON.stringify(submodel))
    }
    const ids = (all: readonly Identifiable[]) => all.map(({ id }) => encodedId(id)).join(',')
    const named = `aasIds=${ids(environment.assetAdministrationShells)}&submodelIds=${ids(environment.submodels)}`
    assertSame(await get(`/serialization?${named}`), JSON.stringify(environment))
  })
}

test(
  'templates of the IDTA are here to be tried',
  { skip: files.length === 0 && 'shared/data/aas is not here' },
  () => {
    assert.ok(files.length >= 7)
  },
)

/** Says where two long texts part, and not all of both. */
function assertSame(actual: string, expected: string): void {
  if (actual === expected) return
  let at = 0
  while (actual[at] === expected[at]) at += 1
  assert.equal(actual.slice(Math.max(0, at - 100), at + 100), expected.slice(Math.max(0, at - 100), at + 100))
}
