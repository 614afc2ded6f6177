import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../until.ts'
import { end, Millrace, post } from './millrace.ts'

const T0 = Date.UTC(2026, 0, 31)

interface ReplayAnswer {
  readonly facts: number
  readonly same: boolean
  readonly adopted?: number
  readonly comparisons: readonly {
    kind: string
    equal: number
    different: number
    onlyLive: number
    onlyReplay: number
  }[]
}

/** A plant that adds up what each asset says within 10 s of its time. */
async function plant(millrace: Millrace, file: string, aggregates: string): Promise<string> {
  const config = `site: acme/berlin
log: { embedded: { listen: 0 } }
sources: { posts: { http: {} } }
processors:
  sums: { window: { on: "hall/*", tumbling: 10s, tags: { n: ${aggregates} } } }
api: { listen: 0 }
`
  await writeFile(join(millrace.directory, file), config)
  return file
}

async function derived(page: string, count: number): Promise<unknown[]> {
  let records: { value: { text: string } }[] = []
  const areThere = async () => {
    const answer = await fetch(`${page}/api/v1/topics/acme.berlin.derived/records?limit=500`)
    records = ((await answer.json()) as { records: typeof records }).records
    return records.length >= count
  }
  await until(areThere, { everyMs: 50 })
  return records.map(({ value }) => (JSON.parse(value.text) as { values: unknown }).values)
}

const readings = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({ ts: T0 + 1_000 * (from + index), values: { n: from + index } }))

test('a processor is run over the past, compared, and its new version takes over', async (t) => {
  const millrace = await Millrace.create(t)
  const before = await plant(millrace, 'plant.yaml', '[sum]')
  const { child, page } = await millrace.hub(before)
  for (const asset of ['hall/a', 'hall/b', 'hall/c']) await post(page, asset, readings(0, 45))
  await derived(page, 12)
  await sleep(1_500)
  assert.equal(await end(child), 0)

  const replay = async (...args: string[]) => {
    const { code, out, err } = await millrace.run('replay', 'sums', '--json', ...args)
    assert.equal(err, '')
    return { code, answer: JSON.parse(out) as ReplayAnswer }
  }
  const same = await replay()
  assert.deepEqual([same.code, same.answer.facts, same.answer.same], [0, 135, true])
  const { kind, ...counts } = same.answer.comparisons[0]!
  assert.equal(kind, 'derived')
  assert.deepEqual(
    { ...counts, equal: counts.equal >= 12, examples: [] },
    { equal: true, different: 0, onlyLive: 0, onlyReplay: 0, examples: [] },
  )

  await plant(millrace, 'next.yaml', '[sum, max]')
  const other = await replay('--config', 'next.yaml')
  assert.deepEqual([other.code, other.answer.same], [1, false])

  const switched = await replay('--config', 'next.yaml', '--switch')
  assert.equal(switched.answer.adopted, 3)
  const next = await millrace.hub('next.yaml')
  await post(next.page, 'hall/a', readings(45, 15))
  const values = await derived(next.page, 13 + counts.equal - 12)
  // The window of 40 to 49 began before the switch; the new version knows what was in it, or has said it as the old one did.
  assert.ok(values.some((value) => 'n.max' in (value as object)))
  assert.equal(await end(next.child), 0)
})

test('a processor that is not there, and one whose hub runs', async (t) => {
  const millrace = await Millrace.create(t)
  const file = await plant(millrace, 'plant.yaml', '[sum]')
  const { child } = await millrace.hub(file)
  const strange = await millrace.run('replay', 'nobody')
  assert.equal(strange.code, 1)
  assert.match(strange.err, /Cannot replay "nobody": no processor of that name, want one of sums/)
  const running = await millrace.run('replay', 'sums', '--switch')
  assert.equal(running.code, 1)
  assert.match(running.err, /Cannot switch "sums": a hub runs on the data, want it stopped/)
  assert.equal(await end(child), 0)
})
