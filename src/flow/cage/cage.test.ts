import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Json } from '../../model/json-value.ts'
import { systemClock } from '../../system/clock.ts'
import type { PlacedFact } from '../topology/engine.ts'
import { keyOfText } from '../topology/key-state.ts'
import { CagedHosts } from './caged-hosts.ts'

const T0 = 1_732_287_000_000

/** A processor in a cage, by the body of its `take`. */
async function caged(
  t: TestContext,
  take: string,
  { head = '', settings = {} }: { head?: string; settings?: Json } = {},
) {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-cage-'))
  const file = join(directory, 'mine.ts')
  const module = `import { defineProcessor, z } from 'millrace/plugin'
${head}
export default defineProcessor({
  summary: 'A test',
  settings: z.strictObject({ factor: z.number().default(2) }),
  operator: ({ factor }: { factor: number }) => ({
    create: () => ({ seen: 0 }),
    take(state: { seen: number }, fact: any, context: any) {
      const { reading } = fact
      const said = (values: object) => context.emit({ kind: 'reading', reading: { ...reading, values } })
      state.seen += 1
      ${take}
    },
    save: (state: { seen: number }) => state.seen,
    restore: (json: number) => ({ seen: json }),
  }),
})
`
  await writeFile(file, module)
  const hosts = new CagedHosts({ file, settings, timeoutMs: 1_000, memoryMb: 48 }, systemClock)
  t.after(async () => {
    hosts.close()
    await rm(directory, { recursive: true, force: true })
  })
  return { hosts, directory }
}

function fact(x: number, offset = x): PlacedFact {
  const reading = { asset: 'acme/berlin/m1', sourceTime: T0 + offset, receivedTime: T0 + offset, values: { x } }
  return { fact: { kind: 'reading', reading }, cause: `t/0/${offset}`, received: T0 + offset }
}

test('a processor of somebody runs in its cage, with its settings, and goes on from its states', async (t) => {
  const { hosts } = await caged(t, 'said({ y: reading.values.x * factor, seen: state.seen })', {
    settings: { factor: 3 },
  })
  const host = hosts.open()
  await host.restore([], -Infinity)
  const { outputs, faults } = await host.take([fact(1), fact(2)])
  assert.deepEqual(faults, [])
  assert.deepEqual(
    outputs.map(({ fact: said, cause }) => [cause, said.kind === 'reading' && said.reading.values]),
    [
      ['t/0/1/0', { y: 3, seen: 1 }],
      ['t/0/2/0', { y: 6, seen: 2 }],
    ],
  )
  const { keys, received } = await host.changes()
  const next = hosts.open()
  await next.restore(keys.map(keyOfText), received)
  const later = await next.take([fact(5)])
  assert.deepEqual(later.outputs[0]?.fact.kind === 'reading' && later.outputs[0].fact.reading.values, {
    y: 15,
    seen: 3,
  })
})

for (const [what, take, complaint] of [
  ['emits what cannot be sent', 'if (reading.values.x === 13) return said({ y: () => 1 })', /could not be cloned/],
  ['sets a timer for no time', "if (reading.values.x === 13) context.setTimer('x', NaN)", /its time is NaN/],
] as const) {
  test(`what ${what} harms only its fact`, async (t) => {
    const { hosts } = await caged(t, `${take}\n said({ y: 1 })`)
    const { outputs, faults } = await hosts.open().take([fact(13), fact(1)])
    assert.deepEqual(
      outputs.map(({ cause }) => cause),
      ['t/0/1/0'],
    )
    assert.deepEqual(
      faults.map(({ key }) => key),
      ['acme/berlin/m1'],
    )
    assert.match(String(faults[0]?.error), complaint)
  })
}

test('a state that is no JSON is let go', async (t) => {
  const { hosts } = await caged(
    t,
    'state.seen = reading.values.x === 13 ? (13n as never) : state.seen\n said({ y: 1 })',
  )
  const host = hosts.open()
  await host.take([fact(13)])
  const { keys, faults } = await host.changes()
  assert.deepEqual(keys, [])
  assert.match(String(faults[0]?.error), /BigInt/)
  assert.equal((await host.take([fact(1)])).outputs.length, 1)
})

test('a loop ends its own process, and the next one begins anew', async (t) => {
  const { hosts } = await caged(t, 'if (reading.values.x === 13) for (;;) {}\n said({ y: 1 })')
  const host = hosts.open()
  await host.restore([], -Infinity)
  await assert.rejects(host.take([fact(13)]), /It took longer than 1000 ms/)
  await assert.rejects(host.take([fact(1)]), /Its process has ended/)
  assert.equal((await hosts.open().take([fact(1)])).outputs.length, 1)
})

test('a leak ends its own process', async (t) => {
  const { hosts } = await caged(t, 'for (let n = 0; n < 1e6; n++) kept.push({ n, text: String(n) })', {
    head: 'const kept: object[] = []',
  })
  const host = hosts.open()
  await assert.rejects(async () => {
    for (let n = 0; n < 50; n += 1) await host.take([fact(n)])
  }, /Its process ended|It took \d+ MB|longer than/)
})

test('what throws harms only its fact', async (t) => {
  const { hosts } = await caged(t, "if (reading.values.x === 13) throw new Error('unlucky')\n said({ y: 1 })")
  const { outputs, faults } = await hosts.open().take([fact(13), fact(1)])
  assert.equal(outputs.length, 1)
  assert.deepEqual(
    faults.map(({ key, cause, error }) => [key, cause, error]),
    [['acme/berlin/m1', 't/0/13', 'Error: unlucky']],
  )
})

for (const [what, head, take, refusal] of [
  [
    'write a file',
    '',
    "process.getBuiltinModule('node:fs').writeFileSync(`${import.meta.dirname}/x`, '')",
    /not a function/,
  ],
  ['import a file system', "import { writeFileSync } from 'node:fs'\nwriteFileSync('x', '')", '', /may not/],
  ['start a process', "import { spawnSync } from 'node:child_process'\nspawnSync('true')", '', /may not/],
  ['open a connection', "import { connect } from 'node:net'\nconnect(1)", '', /may not/],
  ['kill the hub', '', 'process.kill(process.ppid)', /not a function/],
  ['fetch', '', "fetch('http://127.0.0.1')", /not defined/],
] as const) {
  test(`a processor cannot ${what}`, async (t) => {
    const { hosts, directory } = await caged(t, take, { head })
    const said = await hosts
      .open()
      .take([fact(1)])
      .then(({ faults }) => faults.map(({ error }) => String(error)).join(), String)
    assert.match(said, refusal)
    assert.deepEqual(await readdir(directory), ['mine.ts'])
  })
}

for (const [what, settings, complaint] of [
  ['of a wrong type', { factor: 'three' }, /settings\.factor is wrong/],
  ['that nobody knows', { colour: 'red' }, /settings is wrong \(Unrecognized key: "colour"\)/],
] as const) {
  test(`settings ${what} are refused with what is wrong`, async (t) => {
    const { hosts } = await caged(t, '', { settings })
    await assert.rejects(hosts.open().take([fact(1)]), complaint)
  })
}
