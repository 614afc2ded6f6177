import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { DuckDBInstance } from '@duckdb/node-api'
import { ask, textAt } from './answer.ts'

async function connected(t: TestContext) {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  t.after(() => {
    connection.closeSync()
    instance.closeSync()
  })
  return connection
}

test('columns of many chunks: numbers, texts of which neighbours share one, and places in a list', async (t) => {
  const rows = 5_000
  const sql = `SELECT CASE WHEN i % 2 = 0 THEN i END AS n, (i // 100)::VARCHAR AS t, CASE WHEN i >= 10 THEN 'x' END AS u,
    (i % 3)::UTINYINT AS c FROM range(${rows}) r(i) ORDER BY i`
  const columns = { numbers: ['n'], texts: ['t', 'u'], codes: { c: ['a', 'b', 'c'] } }
  const { numbers, texts, ...answer } = await ask(await connected(t), sql, columns)
  const each = <T>(of: (row: number) => T) => Array.from({ length: rows }, (_, row) => of(row))
  assert.equal(answer.rows, rows)
  assert.deepEqual(numbers['n'], Float64Array.from(each((row) => (row % 2 === 0 ? row : NaN))))
  const read = (name: string) => each((row) => textAt(texts[name]!, row))
  assert.deepEqual(
    read('t'),
    each((row) => String(Math.floor(row / 100))),
  )
  assert.equal(texts['t']!.texts.length, 50)
  assert.deepEqual(
    read('u'),
    each((row) => (row < 10 ? null : 'x')),
  )
  assert.deepEqual(texts['u']!.texts, [null, 'x'])
  assert.deepEqual(
    read('c'),
    each((row) => 'abc'[row % 3]),
  )
})

test('an answer that would fill the memory of the thread ends', async (t) => {
  const connection = await connected(t)
  const numbers = 'SELECT range AS n FROM range(13_000_000)'
  await assert.rejects(ask(connection, numbers, { numbers: ['n'] }), /out of memory: columns of over 96 MiB/)
  const texts = `SELECT repeat('x', 10_000) || range AS t FROM range(6_000)`
  await assert.rejects(ask(connection, texts, { numbers: [], texts: ['t'] }), /out of memory: texts of over 48 MiB/)
  assert.equal((await ask(connection, 'SELECT 1 AS n', { numbers: ['n'] })).numbers['n']![0], 1)
})
