import { Group } from '../../src/log/broker/groups/group.ts'
import type { GroupRecord } from '../../src/log/broker/groups/group-records.ts'
import type { JoinAnswer, JoinRequest, SyncAnswer, SyncRequest } from '../../src/log/broker/groups/messages.ts'
import { DEFAULT_LIMITS } from '../../src/log/broker/wire/limits.ts'
import type { Limits } from '../../src/log/broker/wire/limits.ts'
import { silentLogger } from '../../src/system/logger.ts'
import { ManualClock } from '../mqtt/manual-clock.ts'

/** One group whose time passes only when a test says so, and what it has written down. */
export class GroupBench {
  readonly clock = new ManualClock()
  readonly stored: GroupRecord[] = []
  readonly group: Group
  /** What writing waits for. */
  storing: Promise<void> = Promise.resolve()
  #ids = 0

  constructor(limits: Partial<Limits> = {}) {
    this.group = new Group('g', {
      now: () => this.clock.monotonic(),
      wallTime: () => this.clock.now(),
      newId: (prefix) => `${prefix}-${++this.#ids}`,
      store: async (record) => {
        await this.storing
        this.stored.push(record)
      },
      limits: { ...DEFAULT_LIMITS, firstJoinWaitMs: 1000, ...limits },
      logger: silentLogger,
    })
  }

  /** Lets time pass, with its ticks. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 100) {
      this.clock.advance(Math.min(left, 100))
      this.group.tick(this.clock.monotonic())
    }
    await settled()
  }

  join(request: Partial<JoinRequest> = {}): Pending<JoinAnswer> {
    return pending(this.group.join({ ...JOIN, ...request }))
  }

  sync(request: Pick<SyncRequest, 'memberId' | 'generation'> & Partial<SyncRequest>): Pending<SyncAnswer> {
    return pending(this.group.sync({ ...SYNC, ...request }))
  }

  /** Members that have agreed on a generation and have their parts: `a` to member 0, `b` to member 1 ... */
  async stable(...requests: Partial<JoinRequest>[]): Promise<JoinAnswer[]> {
    const joins = requests.map((request) => this.join(request))
    await this.pass(5000)
    const joined = joins.map((join) => join.answer!)
    await this.assign(joined)
    return joined
  }

  /** All members ask for their parts; the leader gives them. */
  async assign(joined: readonly JoinAnswer[]): Promise<SyncAnswer[]> {
    const assignments = new Map(joined.map(({ memberId }, index) => [memberId, bytes('abcdef'[index]!)]))
    const syncs = joined.map(({ memberId, generation, leader }) => {
      return this.sync({ memberId, generation, assignments: memberId === leader ? assignments : new Map() })
    })
    await settled()
    return syncs.map((sync) => sync.answer!)
  }
}

/** An answer that may not be there yet. */
export interface Pending<T> {
  readonly answer: T | undefined
}

function pending<T>(promise: Promise<T>): Pending<T> {
  const state: { answer: T | undefined } = { answer: undefined }
  void promise.then((answer) => (state.answer = answer))
  return state
}

export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

export function bytes(text: string): Uint8Array {
  return Buffer.from(text)
}

export const JOIN: JoinRequest = {
  group: 'g',
  memberId: '',
  instanceId: null,
  clientId: 'c',
  clientHost: '/127.0.0.1',
  sessionMs: 10_000,
  rebalanceMs: 30_000,
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: Buffer.from('range of c') }],
  namedFirst: false,
  maySkipAssignment: true,
  reason: '',
  closed: new AbortController().signal,
}

const SYNC: SyncRequest = {
  group: 'g',
  memberId: '',
  instanceId: null,
  generation: 0,
  protocolType: null,
  protocol: null,
  assignments: new Map(),
}
