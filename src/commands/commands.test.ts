import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { COMMAND_ENDS, type CommandEvent } from '../model/command-event.ts'
import { decodeCommandEvent, encodeCommandEvent } from '../model/command-record.ts'
import { systemClock } from '../system/clock.ts'
import { fileDisk } from '../system/file-disk.ts'
import { silentLogger } from '../system/logger.ts'
import { Commands } from './commands.ts'
import { desiredOf } from './desired.ts'
import { temporaryFolder } from '../../test/temporary-folder.ts'

const TOPIC = 'acme.berlin.commands'
const ASSETS = ['acme/berlin/line1/press1', 'acme/berlin/line1/press2']
const START = 1_700_000_000_000

async function directory(): Promise<string> {
  return temporaryFolder('commands')
}

function view(path: string): Commands {
  const system = { clock: systemClock, disk: fileDisk, logger: silentLogger }
  return new Commands({ directory: path, system, everyMs: 3_600_000 })
}

function take(commands: Commands, events: readonly CommandEvent[], from = 0): void {
  for (const [index, event] of events.entries()) {
    const offset = from + index
    const entries = [{ offset, event: decodeCommandEvent(Buffer.from(encodeCommandEvent(event))) }]
    commands.take({ topic: TOPIC, partition: 0, entries, nextOffset: offset + 1, skipped: 0 })
  }
}

async function bytesOf(commands: Commands, path: string): Promise<string> {
  await commands.save()
  return (await readFile(join(path, 'commands.snapshot'))).toString()
}

const idOf = fc.integer({ min: 0, max: 12 }).map((n) => `c${n}`)
const runOf = fc.constantFrom('a-1', 'a-2', 'b-1')
const base = { id: idOf, asset: fc.constantFrom(...ASSETS), run: runOf }
const valueOf = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.string({ unit: 'grapheme' }),
)

const eventOf: fc.Arbitrary<CommandEvent> = fc.oneof(
  fc.record(
    {
      ...base,
      kind: fc.constant('requested' as const),
      time: fc.integer({ min: START, max: START + 100_000 }),
      command: fc.constantFrom('setpoint', 'reset'),
      act: fc.oneof(
        fc.record({ kind: fc.constant('tag' as const), tag: fc.constantFrom('x', 'y'), value: valueOf }),
        fc.record({
          kind: fc.constant('method' as const),
          method: fc.constant('Reset'),
          args: fc.array(valueOf, { maxLength: 2 }),
        }),
      ),
      by: fc.constantFrom('ann', 'bob'),
      via: fc.constantFrom('rest' as const, 'kafka' as const),
      ttlMs: fc.constant(1_000),
      confirmMs: fc.constant(1_000),
      key: fc.constantFrom('k1', 'k2'),
      expected: fc.oneof(fc.constant(null), valueOf),
      approveMs: fc.constant(1_000),
    },
    { requiredKeys: ['id', 'asset', 'run', 'kind', 'time', 'command', 'act', 'by', 'via', 'ttlMs', 'confirmMs'] },
  ),
  fc.record({
    ...base,
    kind: fc.constant('approved' as const),
    time: fc.constant(START),
    by: fc.constantFrom('ann', 'bob'),
  }),
  fc.record({
    ...base,
    kind: fc.constant('claimed' as const),
    time: fc.constant(START),
    hub: fc.constantFrom('a', 'b'),
    token: fc.constantFrom('t1', 't2'),
    source: fc.constant('line1'),
  }),
  fc.record(
    {
      ...base,
      kind: fc.constant('settled' as const),
      time: fc.constant(START + 5),
      state: fc.constantFrom(...COMMAND_ENDS),
      reasons: fc.array(fc.record({ code: fc.constant('x'), message: fc.string() }), { maxLength: 2 }),
      readBack: fc.oneof(fc.constant(null), valueOf),
      results: fc.array(fc.oneof(fc.constant(null), valueOf), { maxLength: 2 }),
    },
    { requiredKeys: ['id', 'asset', 'run', 'kind', 'time', 'state', 'reasons'] },
  ),
)

test('a view that was stopped anywhere and went on from its snapshot is the one that was not, to the byte', async () => {
  const path = await directory()
  await fc.assert(
    fc.asyncProperty(fc.array(eventOf, { maxLength: 60 }), fc.nat(60), async (events, at) => {
      await rm(join(path, 'commands.snapshot'), { force: true })
      const first = view(path)
      await first.open()
      take(first, events.slice(0, at))
      await first.save()
      await first.close()
      const second = view(path)
      await second.open()
      take(second, events.slice(at), Math.min(at, events.length))
      const resumed = await bytesOf(second, path)
      await second.close()
      await rm(join(path, 'commands.snapshot'), { force: true })
      const whole = view(path)
      await whole.open()
      take(whole, events)
      assert.equal(await bytesOf(whole, path), resumed)
      await whole.close()
    }),
    { numRuns: 60 },
  )
})

test('a damaged snapshot is set aside, and the view begins at the start of the log', async () => {
  const path = await directory()
  const commands = view(path)
  await commands.open()
  take(commands, [requested('c1', 1)])
  await commands.close()
  const file = join(path, 'commands.snapshot')
  const good = (await readFile(file)).toString()
  await writeFile(file, good.replace('"by":"ann"', '"by":"eve"'))
  const again = view(path)
  await again.open()
  assert.deepEqual([again.positions(), again.get('c1')], [[], undefined])
  assert.equal((await readFile(`${file}.damaged`)).toString().includes('"by":"eve"'), true)
  await again.close()
})

test('the last ended commands of an asset are kept, and those that say what a tag is to be', async () => {
  const commands = view(await directory())
  const events = Array.from({ length: 300 }, (_, n): CommandEvent[] => [
    requested(`c${n}`, n, n === 0 ? 'rarely' : 'x', START + n * 10_000),
    {
      kind: 'settled',
      id: `c${n}`,
      asset: ASSETS[0]!,
      time: START + n * 10_000,
      run: 'r',
      state: 'expired',
      reasons: [],
    },
  ]).flat()
  take(commands, events)
  const kept = commands.of(ASSETS[0]!)
  assert.ok(kept.length >= 100 && kept.length <= 103, `${kept.length} are kept`)
  assert.equal(kept[0]!.request.id, 'c0')
  assert.equal(commands.asset(ASSETS[0]!)!.dropped, 300 - kept.length)
  assert.equal(commands.inFlight().length, 0)
})

test('what is desired differs from what is reported when the machine says something else later', () => {
  const commands = view('/nowhere')
  const [asset] = ASSETS as [string]
  const settle: CommandEvent = {
    kind: 'settled',
    id: 'c1',
    asset,
    time: START + 10,
    run: 'r',
    state: 'confirmed',
    reasons: [],
  }
  const state = (value: number, receivedTime: number) =>
    desiredOf(commands.asset(asset)!, () => ({ value, quality: 0, receivedTime, since: receivedTime - 1 })).map(
      (one) => [one.state, one.differsSince],
    )
  take(commands, [requested('c1', 50)])
  assert.deepEqual(state(20, START), [['waiting', undefined]])
  take(commands, [{ kind: 'claimed', id: 'c1', asset, time: START, run: 'r', hub: 'a', token: 't', source: 's' }], 1)
  assert.deepEqual(state(20, START), [['in-flight', undefined]])
  take(commands, [settle], 2)
  // What it said before does not count.
  assert.deepEqual(state(20, START), [['reached', undefined]])
  assert.deepEqual(state(50, START + 20), [['reached', undefined]])
  assert.deepEqual(state(60, START + 30), [['differs', START + 29]])
})

function requested(id: string, value: number, tag = 'x', time = START): CommandEvent {
  const act = { kind: 'tag', tag, value } as const
  const times = { ttlMs: 1_000, confirmMs: 1_000 }
  return {
    kind: 'requested',
    id,
    asset: ASSETS[0]!,
    time,
    run: 'r',
    command: 'setpoint',
    act,
    by: 'ann',
    via: 'rest',
    ...times,
  }
}
