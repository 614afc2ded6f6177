import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Framing } from './framing.ts'
import { PacketIds } from './packet-ids.ts'
import { Subscriptions } from './subscriptions.ts'
import { TimerWheel } from './timer-wheel.ts'
import type { Expiring } from './timer-wheel.ts'
import { covers, filterMatches } from './topic-filter.ts'

/** The parts of the listener that have a meaning of their own, each against the plainest way of saying it. */

const segment = fc.constantFrom('a', 'b', '', '$s')
const topics = fc.array(segment, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'))
const filters = fc
  .tuple(fc.array(fc.oneof(segment, fc.constant('+')), { maxLength: 4 }), fc.constantFrom('#', '+', 'a'))
  .map(([levels, last]) => [...levels, last].join('/'))

/** MQTT 4.7 as a regular expression. */
function matchesPlainly(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false
  const pattern = filter
    .replaceAll('$', '\\$')
    .replace(/(^|\/)\+(?=\/|$)/g, '$1[^/]*')
    .replace(/(^|\/)\+(?=\/|$)/g, '$1[^/]*')
    .replace(/^#$/, '.*')
    .replace(/\/#$/, '(/.*)?')
  return new RegExp(`^${pattern}$`).test(topic)
}

test('a filter matches as the standard says', () => {
  fc.assert(
    fc.property(filters, topics, (filter, topic) => {
      assert.equal(filterMatches(filter.split('/'), topic.split('/')), matchesPlainly(filter, topic))
    }),
    { numRuns: 5000 },
  )
})

test('a pattern covers a filter exactly when no topic tells them apart', () => {
  fc.assert(
    fc.property(filters, filters, fc.array(topics, { minLength: 20, maxLength: 20 }), (pattern, filter, samples) => {
      if (!covers(pattern.split('/'), filter.split('/'))) return
      for (const topic of samples.filter((sample) => !sample.startsWith('$'))) {
        assert.ok(!matchesPlainly(filter, topic) || matchesPlainly(pattern, topic), topic)
      }
    }),
    { numRuns: 5000 },
  )
})

test('the tree of subscriptions finds what a list finds, whatever was added and removed', () => {
  const step = fc.record({
    subscriber: fc.integer({ min: 1, max: 4 }),
    filter: filters,
    qos: fc.integer({ min: 0, max: 1 }),
    add: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.array(topics, { maxLength: 10 }), (steps, asked) => {
      const tree = new Subscriptions<number>()
      const list = new Map<string, { subscriber: number; filter: string; qos: number }>()
      for (const { subscriber, filter, qos, add } of steps) {
        tree.match('a/b')
        if (add) {
          tree.add(subscriber, filter, { qos, noLocal: false })
          list.set(`${subscriber} ${filter}`, { subscriber, filter, qos })
        } else {
          tree.remove(subscriber, filter)
          list.delete(`${subscriber} ${filter}`)
        }
      }
      assert.equal(tree.size, list.size)
      for (const topic of asked) {
        const plain = new Map<number, number>()
        for (const { subscriber, filter, qos } of list.values()) {
          if (matchesPlainly(filter, topic)) plain.set(subscriber, Math.max(qos, plain.get(subscriber) ?? 0))
        }
        const found = [...tree.match(topic)].map(([subscriber, wish]) => [subscriber, wish.qos])
        assert.deepEqual(new Map(found as [number, number][]), plain)
      }
    }),
    { numRuns: 500 },
  )
})

test('packets are the same packets however the stream is cut', () => {
  const body = fc.oneof(fc.uint8Array({ maxLength: 10 }), fc.uint8Array({ minLength: 120, maxLength: 300 }))
  fc.assert(
    fc.property(
      fc.array(body, { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1 }),
      (bodies, cuts) => {
        const stream = Buffer.concat(bodies.map((bytes) => Buffer.concat([header(bytes.length), bytes])))
        const got: Buffer[] = []
        const framing = new Framing()
        const sink = {
          open: true,
          admit() {},
          packet(bytes: Buffer, _first: number, start: number, end: number) {
            got.push(bytes.subarray(start, end))
          },
        }
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const end = at + cuts[turn % cuts.length]!
          framing.push(Buffer.from(stream.subarray(at, end)), sink)
          at = end
        }
        assert.equal(framing.waiting, false)
        assert.deepEqual(
          got.map((bytes) => [...bytes]),
          bodies.map((bytes) => [...bytes]),
        )
      },
    ),
    { numRuns: 1000 },
  )
})

function header(length: number): Buffer {
  return length < 128 ? Buffer.from([0x30, length]) : Buffer.from([0x30, (length & 0x7f) | 0x80, length >> 7])
}

test('packet ids are a set', () => {
  const steps = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 400 })), { maxLength: 600 })
  fc.assert(
    fc.property(steps, (given) => {
      const ids = new PacketIds()
      const plain = new Set<number>()
      for (const [add, id] of given) {
        if (add) {
          ids.add(id)
          plain.add(id)
        } else assert.equal(ids.delete(id), plain.delete(id))
        assert.equal(ids.size, plain.size)
        assert.equal(ids.has(id), plain.has(id))
      }
      for (let id = 1; id <= 400; id++) assert.equal(ids.has(id), plain.has(id))
    }),
    { numRuns: 300 },
  )
})

test('the wheel expires nothing early, and nothing more than a step late, also where deadlines move on', () => {
  const thing = fc.record({
    deadline: fc.integer({ min: 1, max: 400_000 }),
    later: fc.integer({ min: 0, max: 200_000 }),
  })
  fc.assert(
    fc.property(fc.array(thing, { maxLength: 30 }), (given) => {
      const wheel = new TimerWheel(1000)
      let now = 0
      const expired = new Map<number, number>()
      const deadlines = given.map(({ deadline }) => deadline)
      given.forEach((_, index) => {
        const expiring: Expiring = { slot: 0, deadline: () => deadlines[index]!, expire: () => expired.set(index, now) }
        wheel.add(expiring, 0)
      })
      given.forEach(({ later }, index) => {
        deadlines[index]! += later
      })
      for (now = 1000; now <= 602_000; now += 1000) wheel.turn(now)
      given.forEach((_, index) => {
        const late = expired.get(index)! - deadlines[index]!
        assert.ok(late >= 0 && late < 2000, `${late} ms late`)
      })
    }),
    { numRuns: 100 },
  )
})
