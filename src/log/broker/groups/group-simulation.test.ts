import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GroupBench, bytes, settled } from '../../../../test/groups/bench.ts'
import { seededRandom } from '../../../system/random.ts'
import { ERROR } from '../wire/protocol-error.ts'
import type { Pending } from '../../../../test/groups/bench.ts'
import type { JoinAnswer, SyncAnswer } from './messages.ts'

const PARTS = 12

/** A consumer as Kafka's clients are: joins, asks for its part, sends heartbeats, does what it is told. */
class Client {
  readonly name: string
  readonly instanceId: string | null
  readonly bench: GroupBench
  memberId = ''
  generation = -1
  /** The parts that it works on; none while it does not know. */
  parts: readonly number[] = []
  heldUntil = 0
  alive = true
  stalledUntil = 0
  #closed = new AbortController()
  #join: Pending<JoinAnswer> | undefined
  #sync: Pending<SyncAnswer> | undefined
  #joined: JoinAnswer | undefined

  constructor(bench: GroupBench, name: string, isStatic: boolean) {
    this.bench = bench
    this.name = name
    this.instanceId = isStatic ? name : null
  }

  /** SIGKILL: nothing is said, connections close. */
  kill(): void {
    this.alive = false
    this.parts = []
    this.#closed.abort()
  }

  leave(): void {
    this.bench.group.leave([{ memberId: this.memberId, instanceId: this.instanceId }])
    this.kill()
  }

  /** Has its process started again: all but the static name is forgotten. */
  start(): void {
    this.alive = true
    this.memberId = ''
    this.#closed = new AbortController()
    this.#join = this.#sync = this.#joined = undefined
  }

  get settled(): boolean {
    return this.#joined !== undefined && this.#sync === undefined && this.#join === undefined
  }

  step(now: number): void {
    if (!this.alive || now < this.stalledUntil) return
    if (this.#join) return this.#takeJoin()
    if (this.#sync) return this.#takeSync(now)
    if (!this.#joined) return this.#ask()
    const { memberId, generation, instanceId } = this
    const error = this.bench.group.heartbeat({ memberId, generation, instanceId })
    if (error === ERROR.none) this.heldUntil = now + 10_000
    else this.#again(error)
  }

  #ask(): void {
    this.parts = []
    const { memberId, instanceId } = this
    this.#join = this.bench.join({ memberId, instanceId, namedFirst: true, closed: this.#closed.signal })
  }

  #takeJoin(): void {
    const answer = this.#join!.answer
    if (!answer) return
    this.#join = undefined
    if (answer.error === ERROR.memberIdRequired) this.memberId = answer.memberId
    if (answer.error !== ERROR.none) return this.#again(answer.error)
    this.memberId = answer.memberId
    this.generation = answer.generation
    this.#joined = answer
    const { memberId, generation, instanceId } = this
    this.#sync = this.bench.sync({ memberId, generation, instanceId, assignments: assign(answer) })
  }

  #takeSync(now: number): void {
    const answer = this.#sync!.answer
    if (!answer) return
    this.#sync = undefined
    if (answer.error !== ERROR.none) return this.#again(answer.error)
    this.parts = JSON.parse(Buffer.from(answer.assignment).toString() || '[]') as number[]
    this.heldUntil = now + 10_000
  }

  #again(error: number): void {
    if (error === ERROR.unknownMemberId || error === ERROR.fencedInstanceId) this.memberId = ''
    this.#joined = undefined
  }
}

function assign({ leader, memberId, members, skipAssignment }: JoinAnswer): Map<string, Uint8Array> {
  if (leader !== memberId || skipAssignment) return new Map()
  const parts = members.map((_, index) => {
    return Array.from({ length: PARTS }, (_unused, part) => part).filter((part) => part % members.length === index)
  })
  return new Map(members.map(({ id }, index) => [id, bytes(JSON.stringify(parts[index]))]))
}

/** Members come, go, die, stall and return at random; then all is quiet. */
async function run(seed: number): Promise<void> {
  const random = seededRandom(seed)
  const bench = new GroupBench()
  const clients = Array.from({ length: 5 }, (_, index) => new Client(bench, `m${index}`, index % 2 === 1))
  for (const client of clients.slice(2)) client.alive = false
  let highest = 0
  const step = async () => {
    for (const client of clients) client.step(bench.clock.monotonic())
    await bench.pass(500)
    assert.ok(bench.group.generation >= highest, 'a generation never comes back')
    highest = bench.group.generation
    checkHolders(clients, bench.clock.monotonic())
  }
  for (let turn = 0; turn < 150; turn++) {
    const client = clients[random.integer(clients.length)]!
    const dice = random.integer(12)
    if (!client.alive && dice < 6) client.start()
    else if (client.alive && dice === 0) client.kill()
    else if (client.alive && dice === 1 && client.memberId !== '') client.leave()
    else if (client.alive && dice === 2) client.stalledUntil = bench.clock.monotonic() + random.integer(20_000)
    await step()
  }
  if (!clients.some(({ alive }) => alive)) clients[0]!.start()
  for (let turn = 0; turn < 200; turn++) await step()
  await settled()
  const living = clients.filter(({ alive }) => alive)
  assert.equal(bench.group.phase, 'Stable')
  assert.equal(bench.group.members.size, living.length)
  assert.ok(living.every((client) => client.settled && client.generation === bench.group.generation))
  assert.deepEqual(
    living.flatMap(({ parts }) => parts).toSorted((a, b) => a - b),
    Array.from({ length: PARTS }, (_, part) => part),
  )
}

/** Nobody has what another one holds in the same or a later generation while its own lease is good. */
function checkHolders(clients: readonly Client[], now: number): void {
  const holders = new Map<number, Client>()
  for (const client of clients) {
    if (!client.alive || !client.settled || client.heldUntil < now) continue
    for (const part of client.parts) {
      const other = holders.get(part)
      const same = other !== undefined && other.generation === client.generation
      assert.ok(!same, `part ${part} is both ${other?.name}'s and ${client.name}'s in generation ${client.generation}`)
      holders.set(part, client)
    }
  }
}

const seeds = process.env.SEED ? [Number(process.env.SEED)] : Array.from({ length: 60 }, (_, index) => index + 1)

for (const seed of seeds) {
  test(`whatever members do, those that live share all the work in the end (SEED=${seed})`, () => run(seed))
}
