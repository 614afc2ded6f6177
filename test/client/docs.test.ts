import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { MemoryHub } from '../../src/api/memory-hub.ts'
import { startServer } from '../api/server.ts'
import { blocksOf } from '../docs-blocks.ts'
import { temporaryFolder } from '../temporary-folder.ts'

const CLIENT = new URL('../../src/client.ts', import.meta.url).href

/** The plant of docs/client.md. */
function plantOf(): MemoryHub {
  const hub = new MemoryHub()
  for (const [name, temperature, state] of [
    ['press1', 71.3, 'Execute'],
    ['press2', 68.2, 'Held'],
  ] as const) {
    hub.record(
      `acme/berlin/press-shop/line1/${name}`,
      [
        { tag: 'temperature', value: temperature, unit: 'Cel' },
        { tag: 'state', value: state, kind: 'state' },
      ],
      Date.now(),
    )
  }
  return hub
}

test('the examples of docs/client.md print what it says', async (t) => {
  const folder = await temporaryFolder('client')
  const { url } = await startServer(t, { hub: plantOf() })
  const blocks = await blocksOf('docs/client.md')
  const examples = blocks.flatMap((block, at) =>
    block.info === 'ts run' ? [{ ...block, wanted: blocks[at + 1]!.text }] : [],
  )
  assert.ok(examples.length > 0)
  for (const [nth, { at, text, wanted }] of examples.entries()) {
    const file = join(folder, `example${nth}.ts`)
    await writeFile(file, text.replaceAll('millrace/client', CLIENT).replaceAll('http://127.0.0.1:8080', url))
    const { stdout } = await promisify(execFile)(process.execPath, [file], { timeout: 60_000 })
    assert.equal(sortedTags(stdout), sortedTags(wanted), at)
  }
})

/** Tags come in the order of their model, which a hub in memory does not have. */
function sortedTags(text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => line.trimEnd())
    .sort()
    .join('\n')
}
