import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
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
