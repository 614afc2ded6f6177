import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startKafka } from '../../tools/kafka/cluster.ts'
import { need } from '../../tools/need.ts'
import { BlackHole } from './black-hole.ts'
import { Edge } from './edge.ts'

/** How long no packet passes: `LINK_MINUTES=10 node --test test/replicate/link.test.ts` is T14 in full. */
const CUT_MS = Number(process.env['LINK_MINUTES'] ?? 0.2) * 60_000
/** Readings a second at the edge, all the while. */
const RATE = Number(process.env['LINK_RATE'] ?? (process.env['LINK_MINUTES'] === undefined ? 1_000 : 5_000))

/** A Kafka that says it is at the other end of the link. */
async function kafkaBehind(link: BlackHole) {
  const kafka = await startKafka({
    config: { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${link.port},INTERNAL://127.0.0.1:1` },
  })
  link.target = kafka.addresses()[0]!.port
  return kafka
}

test('the link drops every packet for a while: nothing is lost, memory stays flat, the books balance on both sides', async (t) => {
  if (need('kafka') === undefined) return t.skip('Apache Kafka is not installed')
  const link = new BlackHole()
  await link.listen()
  t.after(() => link.close())
  const kafka = await kafkaBehind(link)
  t.after(() => kafka.stop())
  const edge = await Edge.start(t, `127.0.0.1:${link.port}`)
  edge.load(20, RATE)
  await edge.until((view) => view.state === 'live' && view.topics.some(({ records }) => records > 3 * RATE))
  await sleep(3_000)
  const memory = { before: edge.rssMb(), most: 0 }
  const sampler = setInterval(() => (memory.most = Math.max(memory.most, edge.rssMb())), 500)
  const acknowledged = edge.journal.acknowledged
  link.cut()
  await sleep(CUT_MS)
  const { behind, state } = await edge.replication()
  const during = edge.journal.acknowledged - acknowledged
  link.heal()
  const healed = performance.now()
  const { records } = (await edge.replication()).topics.find(({ topic }) => topic.endsWith('telemetry'))!
  await edge.until((view) => view.topics.some((topic) => topic.records > records))
  const flowingMs = performance.now() - healed
  await edge.until((view) => view.state === 'live' && view.behind.ms < 3_000, 'cloud', CUT_MS + 120_000)
  const caughtUpMs = performance.now() - healed
  await edge.drain()
  await edge.caughtUp()
  clearInterval(sampler)
  const verdict = await edge.check(kafka.addresses())
  t.diagnostic(
    `no packet for ${CUT_MS / 1000} s, ${during} readings acknowledged meanwhile, ${behind.records} behind (${state}); ` +
      `flowing again after ${Math.round(flowingMs)} ms, caught up after ${Math.round(caughtUpMs)} ms; ` +
      `memory ${memory.before.toFixed(0)} MB before, ${memory.most.toFixed(0)} MB at most`,
  )
  assert.deepEqual([verdict.lost, verdict.phantoms, verdict.inversions], [[], [], []])
  assert.ok(during > (RATE * CUT_MS) / 1000 / 4, `${during} readings were acknowledged while the link was cut`)
  assert.ok(behind.records > during / 2, `${behind.records} records were behind`)
  assert.equal(state, 'down')
  assert.ok(memory.most < memory.before + 100, `memory grew from ${memory.before} to ${memory.most} MB`)
})
