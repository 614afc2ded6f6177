import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import type { HubsView } from '../../src/api/contract.ts'
import { ROOT } from '../faults/hub-process.ts'
import { dataDirectory, startLife } from '../hub/lives.ts'

async function status(...args: string[]) {
  const child = spawn(process.execPath, ['src/main.ts', 'status', ...args], { cwd: ROOT })
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { code: code as number | null, out, err }
}

test('status shows who runs what: for people, for machines, and why not where no hub answers', async (t) => {
  const data = await dataDirectory()
  const hub = await startLife(data)
  t.after(() => hub.close())
  const { code, out } = await status('--data', data)
  assert.equal(code, 0)
  const [heading, row] = out.split('\n')
  assert.match(heading!, /^hub +page +since +partitions +source +kind +state +epoch/)
  assert.match(row!, /^this hub \* \(asked\) +http:\/\/127\.0\.0\.1:\d+ +\S+Z +(-|\d+)? *posts +http +stale/)
  const { hubs } = JSON.parse((await status('--page', hub.page, '--json')).out) as HubsView
  assert.deepEqual(
    hubs.map(({ page, here, leads, sources }) => ({ page, here, leads, sources: sources.map(({ name }) => name) })),
    [{ page: hub.page, here: true, leads: true, sources: ['posts'] }],
  )
  await hub.close()
  const failed = await status('--data', data)
  assert.equal(failed.code, 1)
  assert.match(failed.err, /^error Cannot ask "http:\/\/127\.0\.0\.1:\d+": .*, want the page of a running hub\n$/)
})
