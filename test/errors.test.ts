import assert from 'node:assert/strict'
import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ERRORS } from '../src/errors.ts'

/** Names in capitals that are not ours: Kafka's, Node's and Fastify's codes, variables of the environment. */
const FOREIGN = /^(HPE|FST|ERR|WAYLAND|MILLRACE|XDG|NODE)_/
const FOREIGN_FILES = ['src/log/client/protocol-faults.ts', 'src/log/broker/wire/protocol-error.ts']

/** Codes of faults: quoted, in capitals, of at least two words, or one of the few that have one. */
const CODE = /'((?:[A-Z][A-Z0-9]+_)+[A-Z0-9]+|CARDINALITY|FORBIDDEN|INTERNAL|UNAUTHENTICATED|UNSTORABLE)'/g

async function codesInSource(): Promise<Map<string, string>> {
  const codes = new Map<string, string>()
  for await (const file of glob(join('src', '**', '*.ts'))) {
    if (file.endsWith('.test.ts') || file === 'src/errors.ts') continue
    for (const [, code] of (await readFile(file, 'utf8')).matchAll(CODE)) {
      if (!FOREIGN.test(code!)) codes.set(code!, file)
    }
  }
  return codes
}

test('every code in the source is in the table, and every code of the table is in the source', async () => {
  const codes = await codesInSource()
  const notInTable = [...codes]
    .filter(([code, file]) => !(code in ERRORS) && !FOREIGN_FILES.includes(file))
    .map(([code, file]) => `${code} in ${file}`)
  assert.deepEqual(notInTable, [])
  assert.deepEqual(
    Object.keys(ERRORS).filter((code) => !codes.has(code)),
    [],
  )
})
