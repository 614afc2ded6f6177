import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { systemClock } from '../../src/system/clock.ts'
import { until } from '../until.ts'
import { aasHub, PRESSES } from '../aas/hub.ts'

const PRESS = 'acme/berlin/press-shop/line1/press1'

test('an assistant asks about the past: values, aggregates, a moment, what changed', async (t) => {
  const { page } = await aasHub(t, PRESSES)
  const begin = Math.floor(systemClock.now() / 60_000) * 60_000 - 600_000
  const time = (second: number) => new Date(begin + second * 1000).toISOString()
  const readings = [
    { ts: begin, values: { temperature: 20, state: 'Idle' } },
    { ts: begin + 30_000, values: { temperature: 40 } },
    { ts: begin + 60_000, values: { temperature: 500, state: 'Execute' } },
  ]
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify(readings)
  assert.equal(
    (await fetch(`${page}/api/v1/ingest/press-shop/line1/press1`, { method: 'POST', headers, body })).status,
    200,
  )
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', page)))
  const ask = async (name: string, given: object) => {
    const { content, isError } = await client.callTool({ name, arguments: { ...given } })
    assert.notEqual(isError, true, JSON.stringify(content))
    return (content as { text: string }[])[0]!.text
  }
  const span = { path: PRESS, tags: ['temperature'], from: time(0), to: time(120) }
  await until(async () => /: 3 values\n/.test(await ask('get_history', span)), { everyMs: 50 })
  try {
    assert.ok(
      (await ask('get_history', span)).includes(
        `temperature in Cel: 3 values\n  ${time(0)} 20\n  ${time(30)} 40\n  ${time(60)} 500 (UncertainEngineeringUnitsExceeded)\n`,
      ),
    )
    const maximum = await ask('get_history', { ...span, to: time(60), aggregate: 'Maximum', every: '1m' })
    assert.match(maximum, new RegExp(`temperature in Cel: Maximum, 1 intervals\\n {2}${time(0)} 40`))
    const then = await ask('get_asset', { path: PRESS, at: time(45) })
    assert.ok(then.includes(`${PRESS}, a press@1, as of ${time(45)}\n`), then)
    assert.match(then, /\n- temperature = 40 Cel, Good, 15 s ago, range 0 to 120/)
    assert.match(then, /\n- state = "Idle", Good/)
    const changed = await ask('what_changed', { on: PRESS, from: time(45), to: time(90) })
    assert.match(changed, /\n- state: "Idle" became "Execute"\n/)
    assert.match(changed, /\n- temperature: 40 Cel became 500 Cel \(UncertainEngineeringUnitsExceeded\)\n/)
  } finally {
    await client.close()
  }
})
