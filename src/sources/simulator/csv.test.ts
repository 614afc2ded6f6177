import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { fileDisk } from '../../system/file-disk.ts'
import { readCsv, type Row } from './csv.ts'
import { temporaryFolder } from '../../../test/temporary-folder.ts'

let directory: string
before(async () => {
  directory = await temporaryFolder('csv')
})

async function rows(text: string | Buffer, name = 'table.csv', timeColumn?: string): Promise<Row[]> {
  const file = join(directory, name)
  await writeFile(file, text)
  return Array.fromAsync(readCsv(fileDisk, file, timeColumn))
}

async function fault(text: string, timeColumn?: string): Promise<string> {
  const error = await rows(text, 'bad.csv', timeColumn).then(
    () => undefined,
    (thrown: Error & { code: string }) => thrown,
  )
  return `${error?.code} ${error?.message.replaceAll(directory, '')}`
}

test('names are cleaned, cells trimmed, an empty column at the end is none, and empty cells are absent', async () => {
  const read = await rows('RPM (), Speed (km/h) ,RPM ()\n1.5, 2 ,x,\n , true,"a, ""b""",\n')
  assert.deepEqual(read, [
    { line: 2, time: undefined, values: { RPM: 1.5, Speed: 2, RPM_2: 'x' } },
    { line: 3, time: undefined, values: { Speed: true, RPM_2: 'a, "b"' } },
  ])
})

test('times may repeat and jump back: rows keep the order of the file', async () => {
  const read = await rows('timestamp;value\r\n2013-12-02 21:15:00;1\r\n2013-12-02 21:15:00;2\r\n2013-12-02 20:20:00;3')
  const start = Date.UTC(2013, 11, 2, 21, 15)
  assert.deepEqual(
    read.map(({ time, values }) => [time, values['value']]),
    [
      [start, 1],
      [start, 2],
      [start - 55 * 60_000, 3],
    ],
  )
})

test('compressed tables, tables without names, and a named column of times', async () => {
  assert.deepEqual(
    (await rows(gzipSync('1,2\n3,4\n'), 'a.csv.gz')).map((row) => row.values),
    [
      { column1: 1, column2: 2 },
      { column1: 3, column2: 4 },
    ],
  )
  assert.deepEqual(await rows('when,a\n1700000000,5\n', 'b.csv', 'when'), [
    { line: 2, time: 1_700_000_000_000, values: { a: 5 } },
  ])
})

test('a fault names file, line and column', async () => {
  assert.equal(await fault(''), 'CSV_BAD_HEADER Cannot read "/bad.csv": it is empty, want a table')
  assert.equal(
    await fault('time,a\nyesterday,1\n'),
    'CSV_BAD_TIME Cannot read "/bad.csv", line 2, column 1: "yesterday" is no time, want ISO 8601 or a number since 1970',
  )
  assert.equal(
    await fault('a,b\n1,2\n\n1,2,3\n'),
    'CSV_BAD_ROW Cannot read "/bad.csv", line 4, column 3: "3" is in a column without a name',
  )
  assert.equal(
    await fault('a,b\n1,"x\n'),
    'CSV_BAD_ROW Cannot read "/bad.csv", line 2, column 2: a quote is not closed, want "..." around the whole cell',
  )
  assert.equal(await fault('a,b\n1,2\n', 'when'), 'CSV_BAD_HEADER Cannot find column "when" in "/bad.csv": it has a, b')
  await assert.rejects(Array.fromAsync(readCsv(fileDisk, '/nowhere.csv')), { code: 'CSV_UNREADABLE' })
  await writeFile(join(directory, 'torn.csv.gz'), gzipSync('a,b\n1,2\n'.repeat(1000)).subarray(0, 30))
  await assert.rejects(Array.fromAsync(readCsv(fileDisk, join(directory, 'torn.csv.gz'))), { code: 'CSV_UNREADABLE' })
})

const shared = fileURLToPath(new URL('../../../../shared/data/', import.meta.url))

test('real tables: a machine over months, a car for minutes', async (t) => {
  if (!existsSync(shared)) return t.skip('the shared data sets are not here')
  const machine = await Array.fromAsync(readCsv(fileDisk, `${shared}nab/machine_temperature_system_failure.csv.gz`))
  assert.equal(machine.length, 22_695)
  assert.deepEqual(machine[0], { line: 2, time: Date.UTC(2013, 11, 2, 21, 15), values: { value: 73.96732207 } })
  const car = await Array.fromAsync(readCsv(fileDisk, `${shared}obd/drive1.csv.gz`))
  assert.equal(Object.keys(car[0]!.values).length, 27)
  assert.equal(car[0]!.values['COOLANT_TEMPERATURE'], 81)
})
