import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { ManualClock } from '../../test/mqtt/manual-clock.ts'
import type { Batch, CommandAnswer, MachineCommand, Source } from '../component/source.ts'
import { Ledger } from '../ledger/ledger.ts'
import { MemoryLog } from '../log/memory/memory-log.ts'
import { topicSpec } from '../log/topics.ts'
import { Catalogue } from '../model/catalogue.ts'
import { silentLogger } from '../system/logger.ts'
import { Metrics } from '../system/metrics.ts'
import { seededRandom } from '../system/random.ts'
import { Ingest } from './ingest.ts'

const SITE = 'acme/berlin'
const PRESS = 'acme/berlin/line1/press7'
const SETPOINT = { kind: 'tag', tag: 'setpoint' } as const

/** A machine that takes every command for its press, and keeps what it was told. */
class Machine implements Source {
  readonly taken: string[] = []
  crash = false

  async *read(signal: AbortSignal): AsyncGenerator<Batch> {
    while (!signal.aborted) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      yield { items: [], ack: () => {}, fail: () => {} }
    }
  }

  health() {
    return { state: 'live', reason: 'by hand', since: 0 } as const
  }

  reaches(asset: string): boolean {
    return asset === PRESS
  }

  command({ id }: MachineCommand): Promise<CommandAnswer> {
    this.taken.push(id)
    if (this.crash) throw new Error('boom')
    return Promise.resolve({ kind: 'accepted' })
  }
}

/** An ingest that runs a machine on a clock moved by hand; `lease.held` says whether this hub may. */
async function running(t: TestContext) {
  const clock = new ManualClock()
  const system = { clock, random: seededRandom(1), logger: silentLogger, metrics: new Metrics() }
  const log = new MemoryLog({ clock })
  await log.ensure(
    (['telemetry', 'quarantine', 'assets', 'ledger', 'gaps'] as const).map((kind) => topicSpec(SITE, kind, 1)),
  )
  const ledger = await Ledger.open({ log, site: SITE, system, everyMs: 3_600_000 })
  const ingest = new Ingest({ log, ledger, catalogue: new Catalogue(), site: SITE, system })
  const machine = new Machine()
  const lease = { held: true }
  const stop = new AbortController()
  const permit = { book: ledger.book('line1'), holds: () => lease.held }
  const ended = ingest.run('line1', () => machine, stop.signal, permit)
  t.after(async () => {
    stop.abort()
    await ended
  })
  const { signal } = new AbortController()
  const send = (id: string, deadline = clock.monotonic() + 1_000, name = 'line1', until = signal) =>
    ingest.command(name, { id, asset: PRESS, command: 'setpoint', target: { ...SETPOINT, value: 50 }, deadline }, until)
  return { ingest, machine, lease, stop, ended, clock, send }
}

test('a command goes through the source that reaches its asset', async (t) => {
  const { ingest, machine, send } = await running(t)
  assert.equal(ingest.reaching(PRESS, SETPOINT), 'line1')
  assert.equal(ingest.reaching('acme/berlin/line1/press8', SETPOINT), undefined)
  assert.deepEqual(await send('c1'), { kind: 'accepted' })
  assert.deepEqual(machine.taken, ['c1'])
})

test('nothing is sent without the lease, after a stop, past the deadline, or through a source that is not there', async (t) => {
  const { ingest, machine, lease, stop, ended, clock, send } = await running(t)
  lease.held = false
  assert.equal(ingest.reaching(PRESS, SETPOINT), undefined)
  const answers = [await send('lease over')]
  lease.held = true
  answers.push(await send('late', clock.monotonic()))
  answers.push(await send('elsewhere', undefined, 'line2'))
  answers.push(await send('called off', undefined, 'line1', AbortSignal.abort()))
  stop.abort()
  answers.push(await send('stopping'))
  await ended
  answers.push(await send('stopped'))
  assert.equal(ingest.reaching(PRESS, SETPOINT), undefined)
  assert.deepEqual(
    answers.map(({ kind }) => kind),
    Array.from({ length: 6 }, () => 'not-sent'),
  )
  assert.deepEqual(machine.taken, [])
})

test('what a source that crashes over a command has done is unknown', async (t) => {
  const { machine, send } = await running(t)
  machine.crash = true
  assert.deepEqual(await send('c1'), { kind: 'unknown', reason: 'boom' })
})
