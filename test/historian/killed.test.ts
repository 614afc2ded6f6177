import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { Historian } from '../../src/historian/historian.ts'
import type { Disk } from '../../src/system/disk.ts'
import { fileDisk } from '../../src/system/file-disk.ts'
import { seededRandom } from '../../src/system/random.ts'
import { optionsOf, recordsOf, smallFiles, startStore, temporary, type Records } from './kit.ts'
import { lakeHash } from './lake-content.ts'
import { Life, mortalDisk, mortalEngine } from './mortal.ts'

const KILLS = Number(process.env['HISTORY_KILLS'] ?? 15)
const RECORDS = Number(process.env['HISTORY_RECORDS'] ?? 6_000)
const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9))
const SMALL = smallFiles(RECORDS)

test(`T10: killed ${KILLS} times at any call to the disk or the store, the lake holds what an uninterrupted run makes`, async (t) => {
  t.diagnostic(`SEED=${SEED}`)
  const records = recordsOf(RECORDS)
  const want = await uninterrupted(await temporary(), records)
  assert.equal(want.rows, 2 * RECORDS)
  const directory = await temporary()
  await killAgainAndAgain(directory, records, KILLS)
  assert.deepEqual(await uninterrupted(directory, records), want)
})

test('negative control: with positions that count before their files, samples are lost', async (t) => {
  t.diagnostic(`SEED=${SEED}`)
  const records = recordsOf(RECORDS)
  const want = await uninterrupted(await temporary(), records)
  const directory = await temporary()
  await killAgainAndAgain(directory, records, 3, { around: positionsFirst, calls: Infinity })
  const { rows } = await uninterrupted(directory, records)
  assert.ok(rows < want.rows, `${rows} samples of ${want.rows}`)
})

/** Runs to the end; what is there already is gone on with. */
async function uninterrupted(directory: string, records: Records) {
  const historian = new Historian(optionsOf(directory, SMALL))
  await historian.open()
  await startStore(historian)
  await records.feed(historian)
  await historian.flush()
  await historian.close()
  return lakeHash(join(directory, 'lake'))
}

interface Killing {
  readonly around?: (disk: Disk, life: Life) => Disk
  /** Calls until it is killed; by chance where absent. */
  readonly calls?: number
}

async function killAgainAndAgain(
  directory: string,
  records: Records,
  kills: number,
  { around = (disk) => disk, calls }: Killing = {},
): Promise<void> {
  const random = seededRandom(SEED)
  for (let kill = 0; kill < kills; kill++) {
    const life = new Life(calls ?? 3 + Math.floor(random.next() * 90))
    const options = optionsOf(directory, { ...SMALL, start: () => mortalEngine(life) })
    const mortal = around(mortalDisk(fileDisk, life), life)
    const historian = new Historian({ ...options, system: { ...options.system, disk: mortal } })
    const work = async () => {
      await historian.open()
      await startStore(historian)
      await records.feed(historian, Math.floor((random.next() * records.size) / 4), 100)
      await historian.flush()
    }
    await Promise.race([work().catch(() => {}), life.ended])
    await historian.abandon()
  }
}

/** A historian that wrote its positions by themselves, before the files come to count, and is killed in between. */
function positionsFirst(disk: Disk, life: Life): Disk {
  return {
    ...disk,
    async rename(from, to) {
      if (to.endsWith('/manifest.json') && (await fileDisk.exists(to))) {
        const next = manifestIn(await fileDisk.readFile(from))
        const before = manifestIn(await fileDisk.readFile(to))
        const file = await fileDisk.open(to, 'append')
        await file.truncate(0)
        await file.write([manifestBytes({ ...before, positions: next['positions'] })], 0)
        await file.close()
        life.end()
      }
      await disk.rename(from, to)
    },
  }
}

function manifestIn(bytes: Uint8Array): { [name: string]: unknown } {
  return JSON.parse(Buffer.from(bytes).toString().split('\n')[0]!)
}

function manifestBytes(manifest: object): Buffer {
  const body = JSON.stringify(manifest)
  return Buffer.from(`${body}\n${JSON.stringify({ crc32: crc32(body) })}\n`)
}

test('T10: a process killed with -9 again and again, at any moment, loses nothing and stores nothing twice', async (t) => {
  t.diagnostic(`SEED=${SEED}`)
  const records = recordsOf(RECORDS)
  const want = await uninterrupted(await temporary(), records)
  const directory = await temporary()
  const random = seededRandom(SEED)
  for (let kill = 0; kill < Math.ceil(KILLS / 3); kill++) {
    const child = fork(join(import.meta.dirname, 'feeding.ts'), [directory, String(RECORDS)], {
      execArgv: ['--no-warnings'],
    })
    const exit = once(child, 'exit')
    await Promise.race([once(child, 'message'), exit])
    await sleep(random.next() * 400)
    child.kill('SIGKILL')
    await exit
  }
  assert.deepEqual(await uninterrupted(directory, records), want)
})
