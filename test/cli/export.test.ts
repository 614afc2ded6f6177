import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { end, Millrace, post } from './millrace.ts'

const T0 = Date.UTC(2026, 0, 31)
const at = (second: number) => new Date(T0 + 1000 * second).toISOString()
const PRESS = 'acme/berlin/hall/press'
const CAR = 'acme/berlin/cars/car1'

test('the past as a table, wide and long, in CSV and NDJSON', async (t) => {
  const millrace = await Millrace.create(t)
  const { child, page } = await millrace.hub(await millrace.plant())
  await post(page, 'hall/press', [
    { ts: T0, values: { speed: 1.5, '=state': '=run, "now"' } },
    { ts: T0 + 1000, values: { speed: null } },
    { ts: T0 + 2000, values: { speed: -2, on: true } },
  ])
  await post(page, 'cars/car1', { ts: T0, values: { battery: 0.5 } })
  assert.equal(await end(child), 0)
  const table = async (...args: string[]) => {
    const { code, out, err } = await millrace.run('export', ...args)
    assert.deepEqual([code, err], [0, ''])
    return out.split('\n')
  }

  assert.deepEqual(await table('hall/**'), [
    `time,asset,'=state,on,speed`,
    `${at(0)},${PRESS},"'=run, ""now""",,1.5`,
    `${at(2)},${PRESS},,true,-2`,
    '',
  ])
  const whole = await table('--tag', 'battery', 'speed')
  assert.equal(whole[0], 'time,asset,battery,speed')
  assert.deepEqual(whole.slice(1).sort(), [
    '',
    `${at(0)},${CAR},0.5,`,
    `${at(0)},${PRESS},,1.5`,
    `${at(2)},${PRESS},,-2`,
  ])
  assert.deepEqual(await table('hall/**', '--form', 'long', '--tag', 'speed', '--quality', 'bad'), [
    'time,asset,tag,value,quality',
    `${at(0)},${PRESS},speed,1.5,Good`,
    `${at(1)},${PRESS},speed,,BadNoData`,
    `${at(2)},${PRESS},speed,-2,Good`,
    '',
  ])
  assert.deepEqual(await table('cars/*', '--format', 'ndjson'), [
    `{"time":"${at(0)}","asset":"${CAR}","values":{"battery":0.5}}`,
    '',
  ])
  assert.deepEqual(await table('cars/*', '--format', 'ndjson', '--form', 'long'), [
    `{"time":"${at(0)}","asset":"${CAR}","tag":"battery","value":0.5,"quality":"Good"}`,
    '',
  ])

  const written = await millrace.run('export', 'hall/**', '--tag', 'speed', '--out', 'press.csv')
  assert.deepEqual([written.code, written.out, written.err], [0, '', '2 rows are in press.csv\n'])
  const file = await readFile(join(millrace.directory, 'press.csv'), 'utf8')
  assert.equal(file, `time,asset,speed\n${at(0)},${PRESS},1.5\n${at(2)},${PRESS},-2\n`)
  const refused = await millrace.run('export', '--out', 'no/such/place.csv')
  assert.equal(refused.code, 1)
  assert.match(refused.err, /Cannot write "no\/such\/place.csv": ENOENT/)
})

test('the past as Parquet, by asset, tag and time, which a reader of others reads; and as messages of UMH', async (t) => {
  const millrace = await Millrace.create(t)
  const { child, page } = await millrace.hub(await millrace.plant())
  await post(page, 'hall/press', [
    { ts: T0 + 1000, values: { 'motor.speed': -2, on: true, parts: [1, 'two'] } },
    { ts: T0, values: { 'motor.speed': 1.5, order: '4711' } },
    { ts: T0 + 2000, values: { 'motor.speed': null } },
  ])
  assert.equal(await end(child), 0)
  const written = await millrace.run('export', '--format', 'parquet', '--out', 'plant.parquet', '--quality', 'bad')
  assert.deepEqual([written.code, written.out, written.err], [0, '', '6 rows are in plant.parquet\n'])
  const file = await asyncBufferFromFile(join(millrace.directory, 'plant.parquet'))
  const rows = await parquetReadObjects({ file, compressors })
  const shown = rows.map(({ asset, tag, time, value, text, status }) => {
    return [asset, tag, (time as Date).getTime() - T0, value, text, status]
  })
  assert.deepEqual(shown, [
    [PRESS, 'motor.speed', 0, 1.5, null, 0],
    [PRESS, 'motor.speed', 1_000, -2, null, 0],
    [PRESS, 'motor.speed', 2_000, null, null, 0x809b0000],
    [PRESS, 'on', 1_000, 1, null, 0],
    [PRESS, 'order', 0, null, '4711', 0],
    [PRESS, 'parts', 1_000, null, '[1,"two"]', 0],
  ])
  assert.deepEqual(
    (await readdir(millrace.directory)).filter((name) => name.startsWith('plant.parquet.')),
    [],
  )
  const nowhere = await millrace.run('export', '--format', 'parquet')
  assert.deepEqual(
    [nowhere.code, nowhere.err],
    [2, 'Cannot write Parquet to stdout: want --out with the name of a file\n'],
  )

  const { out } = await millrace.run('export', '--as', 'umh')
  const topic = `umh/v1/${PRESS}/_historian`
  assert.deepEqual(
    out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
    [
      { topic: `${topic}/motor/speed`, payload: { timestamp_ms: T0 + 1000, value: -2 } },
      { topic: `${topic}/on`, payload: { timestamp_ms: T0 + 1000, value: true } },
      { topic: `${topic}/parts`, payload: { timestamp_ms: T0 + 1000, value: '[1,"two"]' } },
      { topic: `${topic}/motor/speed`, payload: { timestamp_ms: T0, value: 1.5 } },
      { topic: `${topic}/order`, payload: { timestamp_ms: T0, value: '4711' } },
    ],
  )
})
