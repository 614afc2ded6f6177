import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { end, Millrace, post } from './millrace.ts'

test('the shells of a running hub are exported, as JSON and as a package', async (t) => {
  const millrace = await Millrace.create(t)
  const { child, page } = await millrace.hub(await millrace.plant())
  await post(page, 'hall/a', { speed: 7 })
  const { code, out } = await millrace.run('export', '--as', 'aas')
  assert.equal(code, 0)
  const { assetAdministrationShells: shells } = JSON.parse(out) as { assetAdministrationShells: { id: string }[] }
  assert.deepEqual(
    shells.map(({ id }) => id),
    ['urn:millrace:aas:acme/berlin/hall/a'],
  )
  const written = await millrace.run('export', '--as', 'aasx', '--page', page, '--out', 'plant.aasx')
  assert.deepEqual([written.code, written.err], [0, 'The shells of the plant are in plant.aasx\n'])
  const file = join(millrace.directory, 'plant.aasx')
  assert.equal((await readFile(file)).toString('latin1', 0, 4), 'PK\u0003\u0004')
  await end(child)
  const { code: refused, err } = await millrace.run('export', '--as', 'aas', '--page', page)
  assert.deepEqual(
    [refused, err],
    [1, `error Cannot ask "${page}": it does not answer, want the page of a running hub\n`],
  )
})
