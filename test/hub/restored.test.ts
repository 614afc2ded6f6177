import assert from 'node:assert/strict'
import { cp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { attachLog, proveBooks } from '../../src/attach.ts'
import { machine } from '../../src/cli/machine.ts'
import type { LedgerView } from '../../src/api/contract.ts'
import { dataDirectory, get, post, startLife } from './lives.ts'

async function audit(directory: string) {
  const attached = await attachLog(directory, machine({ logLevel: 'error', logFormat: 'text' }))
  const result = await proveBooks(attached, () => {})
  await attached.close()
  return result
}

const PRESS = '/api/v1/values/acme/berlin/press'

/** A hub that took n=1 yesterday and n=2 today; answers where yesterday's log lies. */
async function twoDays(directory: string): Promise<string> {
  const yesterday = await startLife(directory)
  assert.equal((await post(yesterday, 'press', '{"n":1}')).status, 200)
  await yesterday.close()
  const backup = `${directory}-backup`
  await cp(join(directory, 'log'), backup, { recursive: true })
  const today = await startLife(directory)
  for (const n of [2, 3]) assert.equal((await post(today, 'press', `{"n":${n}}`)).status, 200)
  await today.close()
  return backup
}

test("yesterday's log under today's twins: they are rebuilt from it, and the books are true", async (t) => {
  const directory = await dataDirectory()
  const backup = await twoDays(directory)
  await rm(join(directory, 'log'), { recursive: true })
  await cp(backup, join(directory, 'log'), { recursive: true })
  await rm(backup, { recursive: true })
  const said: string[] = []
  const hub = await startLife(directory, said)
  t.after(() => hub.close())
  assert.equal(said.filter((line) => line.includes('A view is ahead of the log; it is rebuilt')).length, 1)
  assert.deepEqual(await get(hub, PRESS), { n: 1 })
  assert.equal((await post(hub, 'press', '{"n":4}')).status, 200)
  assert.equal(((await get(hub, '/api/v1/ledger')) as LedgerView).books[0]!.stored, 2)
  await hub.close()
  const { balanced, reasons } = await audit(directory)
  assert.deepEqual([balanced, reasons], [true, []])
})

test("yesterday's telemetry under today's ledger: it starts, says what is missing, and no book claims to balance", async (t) => {
  const directory = await dataDirectory()
  const backup = await twoDays(directory)
  const partition = 'acme.berlin.telemetry-0'
  await rm(join(directory, 'log', partition), { recursive: true })
  await cp(join(backup, partition), join(directory, 'log', partition), { recursive: true })
  await rm(backup, { recursive: true })
  const said: string[] = []
  const hub = await startLife(directory, said)
  t.after(() => hub.close())
  assert.match(said.join('\n'), /error The log ends before a position of the ledger topic=acme.berlin.telemetry/)
  assert.deepEqual(await get(hub, PRESS), { n: 1 })
  assert.equal(((await get(hub, '/api/v1/ledger')) as LedgerView).balanced, false)
  assert.equal((await fetch(`${hub.page}/healthz`)).status, 200)
  for (let n = 4; n < 10; n += 1) assert.equal((await post(hub, 'press', `{"n":${n}}`)).status, 200)
  await hub.close()
  const { balanced, reasons } = await audit(directory)
  assert.equal(balanced, false)
  assert.match(reasons.join('\n'), /posts/)
})

test('what a crash left half done, and twins that are garbage, keep nobody from starting', async (t) => {
  const directory = await dataDirectory()
  const first = await startLife(directory)
  assert.equal((await post(first, 'press', '{"n":1}')).status, 200)
  await first.close()
  const leftovers = [
    'hub.json.tmp',
    'twins/twins.snapshot.tmp',
    'log/acme.berlin.telemetry-0/00000000000000000000.index.tmp',
  ]
  for (const name of leftovers) await writeFile(join(directory, name), 'half of something')
  await writeFile(join(directory, 'hub.json'), '{"pid":')
  await writeFile(join(directory, 'twins/twins.snapshot'), Buffer.alloc(4096))
  const said: string[] = []
  const hub = await startLife(directory, said)
  t.after(() => hub.close())
  assert.match(said.join('\n'), /snapshot/)
  assert.deepEqual(await get(hub, PRESS), { n: 1 })
  await hub.close()
})
