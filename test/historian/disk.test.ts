import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Historian } from '../../src/historian/historian.ts'
import { LakeReader } from '../../src/historian/reader.ts'
import { Catalogue } from '../../src/model/catalogue.ts'
import { systemClock } from '../../src/system/clock.ts'
import { fileDisk } from '../../src/system/file-disk.ts'
import type { LogFields } from '../../src/system/logger.ts'
import { FaultyDisk, type Fault } from '../faults/faulty-disk.ts'
import { listening, NEVER, optionsOf, recordsOf, SITE, smallFiles, startStore, temporary, until } from './kit.ts'
import { lakeHash } from './lake-content.ts'

const COUNT = 3_000

/** Each call that a sealing, a merging or a manifest makes to the disk, failing for a while. */
const FAULTS: { readonly [name: string]: Omit<Fault, 'nth' | 'code'> } = {
  'the sync of a file': { call: 'datasync', path: /staging/, times: 1 },
  'the renaming of a file': { call: 'rename', path: /telemetry/, times: 1 },
  'the renaming of roll-ups': { call: 'rename', path: /rollup-1m/, times: 1 },
  'the sync of a folder': { call: 'syncDirectory', path: /date=/, times: 1 },
  'the writing of the manifest': { call: 'write', path: /manifest\.json\.tmp/, times: 1, short: true },
  'the sync of the manifest': { call: 'datasync', path: /manifest\.json\.tmp/, times: 1 },
  'the renaming of the manifest': { call: 'rename', path: /manifest\.json$/, times: 1 },
  'the sync of the lake': { call: 'syncDirectory', path: /lake$/, times: 1 },
  'the removal of what was merged': { call: 'remove', path: /date=/, times: 1 },
}

for (const [name, fault] of Object.entries(FAULTS)) {
  const code = fault.call === 'datasync' ? 'EIO' : 'ENOSPC'
  test(`T4: ${code} at ${name}: a pause with a reason, then all samples are there, once`, async (t) => {
    const disk = new FaultyDisk(fileDisk)
    const { historian, lines, lake, want } = await started(t, disk)
    disk.faults.push({ ...fault, code, nth: 1 }, { ...fault, code, nth: 5 })
    const records = recordsOf(COUNT)
    const states = watch(historian)
    await records.feed(historian, 1_500)
    await historian.flush()
    await records.feed(historian)
    await historian.flush()
    await until('the fault', () => disk.struck > 0)
    await until('health', () => historian.status().health.state === 'live')
    assert.deepEqual(await settledHash(lake, want.rows), want)
    const isRemoval = fault.call === 'remove'
    const said = lines.filter(({ level }) => level === (isRemoval ? 'warn' : 'error'))
    assert.ok(
      said.length > 0 && said.every(({ fields }) => String(fields['error']).includes(code)),
      JSON.stringify(said),
    )
    if (!isRemoval) assert.match(states().join('\n'), new RegExp(`down Cannot store history: .*${code}`))
    await historian.close()
  })
}

test('a disk that fails for long: memory is bounded, reading goes on, and nothing is lost when it is well again', async (t) => {
  const disk = new FaultyDisk(fileDisk)
  const { historian, lake, want } = await started(t, disk)
  disk.faults.push({ call: 'datasync', path: /staging/, nth: 1, times: Infinity, code: 'ENOSPC' })
  const records = recordsOf(COUNT)
  const feeding = records.feed(historian, Infinity, 50)
  const { sealRows } = smallFiles(COUNT)
  await until('the pause', () => historian.status().health.state === 'down')
  await until('full memory', () => historian.status().inMemory >= sealRows * 2)
  // Two samples a record, and how many a record has is known when it was taken.
  assert.ok(historian.status().inMemory <= sealRows * 4, String(historian.status().inMemory))
  assert.ok(historian.positions().reduce((sum, { offset }) => sum + offset, 0) < COUNT)
  const reader = new LakeReader(historian, new Catalogue())
  const extent = await reader.extent({ asset: `${SITE}/press0` }, NEVER)
  assert.ok(extent!.samples > 0)
  disk.faults.length = 0
  await feeding
  await historian.flush()
  assert.deepEqual(await settledHash(lake, want.rows), want)
  await historian.close()
})

let whole: Promise<Awaited<ReturnType<typeof lakeHash>>> | undefined

/** What a disk without a fault makes of the records. */
async function wanted() {
  const directory = await temporary()
  const historian = new Historian(optionsOf(directory, smallFiles(COUNT)))
  await historian.open()
  await startStore(historian)
  await recordsOf(COUNT).feed(historian)
  await historian.close()
  return lakeHash(join(directory, 'lake'))
}

async function started(t: TestContext, disk: FaultyDisk) {
  whole ??= wanted()
  const want = await whole
  assert.equal(want.rows, 2 * COUNT)
  const directory = await temporary()
  const lines: { level: string; message: string; fields: LogFields }[] = []
  const options = optionsOf(directory, smallFiles(COUNT))
  // Waits between attempts are short.
  const clock = { ...systemClock, sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / 20, signal) }
  const system = { ...options.system, disk, clock, logger: listening(lines) }
  const historian = new Historian({ ...options, system })
  t.after(() => historian.abandon())
  await historian.open()
  await startStore(historian)
  return { historian, lines, lake: join(directory, 'lake'), want }
}

/** The states that a historian goes through. */
function watch(historian: Historian): () => string[] {
  const states: string[] = []
  const timer = setInterval(() => {
    const { state, reason } = historian.status().health
    if (states.at(-1) !== `${state} ${reason}`) states.push(`${state} ${reason}`)
  }, 5)
  timer.unref()
  return () => (clearInterval(timer), states)
}

/** Files that were merged may still lie there for a moment. */
async function settledHash(lake: string, rows: number) {
  const end = performance.now() + 10_000
  let hash = await lakeHash(lake).catch(() => ({ rows: 0, hash: '' }))
  while (hash.rows !== rows && performance.now() < end) hash = await lakeHash(lake).catch(() => hash)
  return hash
}
