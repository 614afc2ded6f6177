import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { ManualClock } from '../../../test/mqtt/manual-clock.ts'
import { systemRandom } from '../../system/random.ts'
import { GROUP_ERROR } from './coordinator.ts'
import type { CommittedAnswer, Coordinator, JoinAnswer, Seat, SyncAnswer } from './coordinator.ts'
import { GroupMembership } from './membership.ts'
import type { SpokenGeneration } from './membership.ts'

const SESSION_MS = 6_000
const REBALANCE_MS = 10_000

/** A sleep that ends with its signal, as the real one does. */
class SignalledClock extends ManualClock {
  override async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = this.after(ms, resolve)
      const end = () => {
        timer.cancel()
        reject(signal?.reason)
      }
      if (signal?.aborted) end()
      else signal?.addEventListener('abort', end, { once: true })
    })
  }
}

/** A coordinator that answers nothing before the test says so. */
class SlowCoordinator implements Coordinator {
  readonly beats: ((error: number) => void)[] = []
  readonly leaves: Seat[] = []
  #joins: ((answer: JoinAnswer) => void)[] = []
  #syncs: ((answer: SyncAnswer) => void)[] = []

  join(): Promise<JoinAnswer> {
    return new Promise((resolve) => this.#joins.push(resolve))
  }

  sync(): Promise<SyncAnswer> {
    return new Promise((resolve) => this.#syncs.push(resolve))
  }

  heartbeat(): Promise<number> {
    return new Promise((resolve) => this.beats.push(resolve))
  }

  async leave(seat: Seat): Promise<number> {
    this.leaves.push(seat)
    return 0
  }

  commit(): Promise<number> {
    return Promise.reject(new Error('not here'))
  }

  committed(): Promise<CommittedAnswer> {
    return Promise.reject(new Error('not here'))
  }

  close(): void {}

  get joining(): boolean {
    return this.#joins.length > 0
  }

  answerJoin(generation: number): void {
    const answer = { error: 0, generation, protocol: 'p', leader: 'other', memberId: 'm', members: [] }
    this.#joins.shift()!(answer)
  }

  answerSync(): void {
    this.#syncs.shift()!({ error: 0, assignment: new Uint8Array([1]) })
  }
}

/** A member, and every generation that it got. */
function member(t: TestContext) {
  const clock = new SignalledClock()
  const coordinator = new SlowCoordinator()
  const abort = new AbortController()
  const membership = new GroupMembership(
    coordinator,
    { clock, random: systemRandom },
    {
      group: 'g',
      protocolType: 'p',
      protocols: [{ name: 'p', about: () => new Uint8Array(), assign: () => new Map() }],
      sessionMs: SESSION_MS,
      rebalanceMs: REBALANCE_MS,
      signal: abort.signal,
    },
  )
  const generations: SpokenGeneration[] = []
  const running = (async () => {
    for await (const generation of membership.generations()) generations.push(generation)
  })()
  t.after(async () => {
    abort.abort()
    await running
  })
  return { clock, coordinator, membership, generations }
}

/** Everything that can happen without time passing has happened. */
async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** The same, up to the first generation; each answer takes a second. */
async function seated(t: TestContext) {
  const all = member(t)
  await settled()
  all.clock.advance(1_000)
  all.coordinator.answerJoin(1)
  await settled()
  const syncSent = all.clock.monotonic()
  all.clock.advance(1_000)
  all.coordinator.answerSync()
  await settled()
  return { ...all, syncSent }
}

test('a lease counts from when the sync was sent, and then from when each heartbeat was, not from the answers', async (t) => {
  const { clock, coordinator, membership, syncSent } = await seated(t)
  assert.equal(membership.heldUntil, syncSent + SESSION_MS)
  assert.equal(coordinator.beats.length, 1)
  const beatSent = clock.monotonic()
  clock.advance(500)
  coordinator.beats[0]!(0)
  await settled()
  assert.equal(membership.heldUntil, beatSent + SESSION_MS)
  clock.advance(SESSION_MS / 6)
  await settled()
  const nextSent = clock.monotonic()
  clock.advance(700)
  coordinator.beats[1]!(0)
  await settled()
  assert.equal(membership.heldUntil, nextSent + SESSION_MS)
})

test('without an answer `lost` aborts in time, and the member joins again; with a new signal then', async (t) => {
  const { clock, coordinator, membership, generations } = await seated(t)
  const { heldUntil } = membership
  const before = heldUntil - SESSION_MS / 20
  clock.advance(before - 1 - clock.monotonic())
  assert.equal(generations[0]!.lost.aborted, false)
  clock.advance(1)
  assert.equal(generations[0]!.lost.aborted, true)
  assert.ok(clock.monotonic() < heldUntil)
  assert.equal(membership.heldUntil, 0)
  await settled()
  assert.equal(coordinator.joining, true)
  coordinator.answerJoin(2)
  await settled()
  coordinator.answerSync()
  await settled()
  assert.equal(generations.length, 2)
  assert.notEqual(generations[1]!.lost, generations[0]!.lost)
  assert.equal(generations[1]!.lost.aborted, false)
})

test('a heartbeat that tells of a new generation keeps the lease only as long as the others wait', async (t) => {
  const { clock, coordinator, membership, syncSent } = await seated(t)
  const answer = async (error: number) => {
    for (const beat of coordinator.beats.splice(0)) beat(error)
    await settled()
  }
  await answer(GROUP_ERROR.rebalancing)
  assert.equal(coordinator.joining, true)
  while (clock.monotonic() < syncSent + 7_000) {
    clock.advance(500)
    await settled()
    await answer(GROUP_ERROR.rebalancing)
  }
  assert.equal(membership.heldUntil, syncSent + REBALANCE_MS)
})

test('a coordinator that forgets the member takes everything from it at once', async (t) => {
  const { coordinator, membership, generations } = await seated(t)
  coordinator.beats[0]!(GROUP_ERROR.unknownMember)
  await settled()
  assert.equal(generations[0]!.lost.aborted, true)
  assert.equal(membership.heldUntil, 0)
  assert.equal(coordinator.joining, true)
})

test('joining anew renews the lease from when that was sent, not from the answer', async (t) => {
  const { clock, coordinator, membership } = await seated(t)
  clock.advance(300)
  membership.rejoin()
  await settled()
  const sent = clock.monotonic()
  clock.advance(700)
  coordinator.answerJoin(2)
  await settled()
  assert.equal(membership.heldUntil, sent + SESSION_MS)
})
