import assert from 'node:assert/strict'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { Historian } from '../../src/historian/historian.ts'
import { LakeUpload } from '../../src/historian/upload/lake-upload.ts'
import { systemClock } from '../../src/system/clock.ts'
import { fileDisk } from '../../src/system/file-disk.ts'
import { silentLogger } from '../../src/system/logger.ts'
import { systemRandom } from '../../src/system/random.ts'
import { Secret } from '../../src/system/secret.ts'
import { need } from '../../tools/need.ts'
import { startS3, type S3Server } from '../../tools/s3/server.ts'
import { NEVER, optionsOf, recordsOf, startStore, temporary } from './kit.ts'
import { until } from '../until.ts'

/** The lake in a bucket of storage that speaks S3 and checks signatures. */

const jars = need('s3proxy')
const skip = jars === undefined ? 'S3Proxy is not installed' : false

async function lake(t: TestContext) {
  const directory = await temporary()
  const historian = new Historian(optionsOf(directory, { fileRows: 2_000 }))
  await historian.open()
  await startStore(historian)
  t.after(() => historian.close())
  return { directory: join(directory, 'lake'), historian }
}

function uploadOf(historian: Historian, s3: S3Server, more: { secretKey?: string; prefix?: string } = {}): LakeUpload {
  const system = { clock: systemClock, disk: fileDisk, logger: silentLogger, random: systemRandom }
  const { endpoint, bucket } = s3
  const keys = { accessKey: new Secret(s3.accessKey), secretKey: new Secret(more.secretKey ?? s3.secretKey) }
  const where = { endpoint, bucket, prefix: more.prefix ?? 'plant 1/berlin', region: 'us-east-1' }
  return new LakeUpload({ ...where, ...keys, historian, everyMs: 60_000, system })
}

/** Files below a folder that count, with their content. Files of a lake may go while it is looked at. */
async function filesIn(folder: string): Promise<Map<string, string>> {
  const names = await readdir(folder, { recursive: true }).catch(() => [] as string[])
  const found = new Map<string, string>()
  for (const name of names.sort()) {
    if (!/^(telemetry|rollup-1m)\/.+\.parquet$/.test(name)) continue
    const content = await readFile(join(folder, name)).catch(() => undefined)
    if (content !== undefined) found.set(name, content.toString('base64'))
  }
  return found
}

/** Waits until the bucket is as the lake, which merges its files meanwhile. */
async function equal(upload: LakeUpload, bucket: string, lakeFolder: string): Promise<void> {
  const isUp = async () => {
    await upload.bringUp(NEVER)
    const wanted = await filesIn(lakeFolder)
    const there = await filesIn(bucket)
    there.delete('telemetry/mine.parquet')
    return wanted.size > 0 && isDeepStrictEqual(there, wanted)
  }
  await until(isUp, { everyMs: 50 })
}

test(
  'the bucket is as the lake: new files, and files that took the place of others; what is not ours stays',
  { skip },
  async (t) => {
    await using s3 = await startS3(jars!)
    const { directory, historian } = await lake(t)
    const upload = uploadOf(historian, s3)
    const below = join(s3.folder, 'plant 1', 'berlin')
    await upload.bringUp(NEVER)
    assert.equal((await filesIn(below)).size, 0)
    const records = recordsOf(1_500)
    for (const part of [500, 500, 500]) {
      await records.feed(historian, part)
      await historian.flush()
      await equal(upload, below, directory)
    }
    await writeFile(join(below, 'telemetry', 'mine.parquet'), 'of somebody else')
    // What is there is not sent again: once the lake has merged its files, nothing is.
    for (let files = -1; files !== upload.status().files;) {
      files = upload.status().files
      await upload.bringUp(NEVER)
    }
    assert.equal(await readFile(join(below, 'telemetry', 'mine.parquet'), 'utf8'), 'of somebody else')
    // Somebody has removed one, and another is half of what it was.
    const [gone, torn] = [...(await filesIn(below)).keys()].filter((name) => name !== 'telemetry/mine.parquet')
    await rm(join(below, gone!))
    await writeFile(join(below, torn!), 'torn')
    await equal(upload, below, directory)
  },
)

test('a key that is wrong is said in the words of the other side, and nothing is sent', { skip }, async (t) => {
  await using s3 = await startS3(jars!)
  const { historian } = await lake(t)
  await recordsOf(100).feed(historian)
  await historian.flush()
  await assert.rejects(
    uploadOf(historian, s3, { secretKey: 'wrong' }).bringUp(NEVER),
    /Cannot list in bucket "lake": it answered 403/,
  )
  assert.deepEqual(await readdir(s3.folder), [])
})

test('storage that is away for a while: it goes on by itself', { skip }, async (t) => {
  await using s3 = await startS3(jars!)
  const { directory, historian } = await lake(t)
  await recordsOf(200).feed(historian)
  await historian.flush()
  await s3.stop()
  const upload = uploadOf(historian, s3, { prefix: '' })
  const stop = new AbortController()
  const running = upload.run(stop.signal)
  await until(() => upload.status().health.state === 'down')
  await s3.start()
  await until(() => upload.status().health.state === 'live')
  stop.abort()
  await running
  assert.deepEqual(await filesIn(s3.folder), await filesIn(directory))
  assert.equal(upload.status().behind, 0)
})
