import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { AGGREGATES } from '../../component/operators/aggregates.ts'

test('docs/processors/window.md has every aggregate as the code has it, and no other', async () => {
  const page = await readFile('docs/processors/window.md', 'utf8')
  const table = page.slice(page.indexOf('| name | what it is | OPC UA |'), page.indexOf('| `p50`'))
  const rows = table.trim().split('\n').slice(2)
  assert.deepEqual(
    rows,
    Object.entries(AGGREGATES).map(([name, { what, ...one }]) => {
      const opcua = 'opcua' in one ? ` ${one.opcua}` : ''
      return `| \`${name}\` | ${what} |${opcua} |`
    }),
  )
})
