import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '../../src/system/random.ts'
import { end, Millrace, post } from '../cli/millrace.ts'

/** Remaining life from the past of a fleet: rows and failures over HTTP, `millrace learn`, a hub that foretells, and a restart. */

const T0 = Date.UTC(2026, 0, 31)
const HOUR = 3_600_000

const plantText = (model: string) => `site: acme/berlin
log: { embedded: { listen: 0, partitions: 2 } }
sources: { posts: { http: {} } }
processors:
  pumps:
    remaining-life: { on: pumps/*, tags: [heat, flow], horizon: 10${model} }
api: { listen: 0 }
`

/** A pump from new to its failure. */
function pump(seed: number): { ts: number; values: { heat: number; flow: number } }[] {
  const random = seededRandom(seed)
  const pace = 0.02 + 0.02 * random.next()
  return Array.from({ length: Math.ceil(1 / pace) }, (_, hour) => ({
    ts: T0 + hour * HOUR,
    values: { heat: 40 + 20 * hour * pace + random.next(), flow: 9 - 3 * hour * pace + 0.2 * random.next() },
  }))
}

async function postEvent(page: string, type: string, asset: string): Promise<void> {
  // So that nothing that was sent before it has its received time.
  await sleep(5)
  const body = JSON.stringify({ type, asset, data: {} })
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${page}/api/v1/events`, { method: 'POST', headers, body })
  assert.ok(answer.ok, `${answer.status} ${await answer.text()}`)
}

interface Twin {
  readonly tags?: readonly { readonly tag: string; readonly value: number | null }[]
}

/** What the twin says is left, as soon as it is of the age. */
async function left(page: string, asset: string, age: number): Promise<number | null> {
  const deadline = performance.now() + 30_000
  for (;;) {
    const answer = await fetch(`${page}/api/v1/assets/acme/berlin/${asset}`)
    const twin = (await answer.json()) as Twin
    const value = (tag: string) => twin.tags?.find((one) => one.tag === tag)?.value
    if (value('life.age') === age) return value('life.left') ?? null
    if (performance.now() > deadline) throw new Error(`no forecast at ${age}: ${JSON.stringify(twin).slice(0, 2_000)}`)
    await sleep(50)
  }
}

test('a fleet fails, millrace learns from it, and the hub foretells, also after a restart', async (t) => {
  const millrace = await Millrace.create(t)
  const config = join(millrace.directory, 'plant.yaml')
  await writeFile(config, plantText(''))
  const before = await millrace.hub('plant.yaml')
  const none = await millrace.run('learn', 'pumps')
  assert.equal(none.code, 1)
  assert.match(none.err, /Cannot learn remaining life: 0 units have failed, want at least 4/)
  for (let seed = 1; seed <= 20; seed += 1) {
    await post(before.page, `pumps/old${seed}`, pump(seed))
    await postEvent(before.page, seed === 20 ? 'maintenance.done' : 'machine.failed', `pumps/old${seed}`)
  }

  const beside = await millrace.run('learn', 'pumps', '--json')
  assert.equal(beside.err, '')
  const { file, ...said } = JSON.parse(beside.out) as { [name: string]: unknown }
  assert.equal(file, join(millrace.directory, 'pumps.model.json'))
  assert.deepEqual([said['units'], said['unit'], said['used']], [19, 'h', ['heat', 'flow']])
  assert.equal(await end(before.child), 0)
  const alone = await millrace.run('learn', 'pumps', '--out', 'again.json')
  assert.equal(alone.code, 0)
  const bytes = (name: string) => readFile(join(millrace.directory, name), 'utf8')
  assert.equal(await bytes('again.json'), await bytes('pumps.model.json'))

  await writeFile(config, plantText(', model: "file:pumps.model.json"'))
  const first = await millrace.hub('plant.yaml')
  const rows = pump(99)
  const half = Math.floor(rows.length / 2)
  await post(first.page, 'pumps/new', rows.slice(0, half))
  await left(first.page, 'pumps/new', half - 1)
  assert.equal(await end(first.child), 0)
  const second = await millrace.hub('plant.yaml')
  await post(second.page, 'pumps/new', rows.slice(half, -5))
  const last = await left(second.page, 'pumps/new', rows.length - 6)
  assert.ok(Math.abs(last! - 5) < 4, `${last} h left, 5 h before its end`)
  await postEvent(second.page, 'maintenance.done', 'pumps/new')
  await post(second.page, 'pumps/new', rows.slice(-2))
  await left(second.page, 'pumps/new', 1)
  assert.equal(await end(second.child), 0)
})

test('what learns nothing says so', async (t) => {
  const millrace = await Millrace.create(t)
  await millrace.plant()
  const { code, err } = await millrace.run('learn', 'nobody', '--config', 'plant.yaml')
  assert.equal(code, 1)
  assert.match(err, /Cannot learn "nobody": no processor of that name/)
})
