import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { matchSegment, parseBrowsePath } from './browse-path.ts'
import { HandOver } from './hand-over.ts'
import type { Item } from './nodes.ts'
import { toReadings, type Change } from './readings.ts'
import { opcuaSpec } from './spec.ts'

const item = (asset: string, tag: string): Item => ({ nodeId: `s=${asset}.${tag}`, asset, tag, rule: { asset } })
const change = (one: Item, value: number, time: number): Change => ({
  item: one,
  data: { value: { dataType: 11, arrayType: 0, value }, statusCode: { value: 0 }, sourceTimestamp: new Date(time) },
})

test('what was measured together is one reading; another asset or time is another', () => {
  const [a, b, c] = [item('x', 'a'), item('x', 'b'), item('y', 'a')]
  const readings = toReadings([change(a, 1, 10), change(b, 2, 10), change(c, 3, 10), change(a, 4, 20)], 99)
  assert.deepEqual(readings, [
    { asset: 'x', sourceTime: 10, receivedTime: 99, values: { a: 1, b: 2 } },
    { asset: 'y', sourceTime: 10, receivedTime: 99, values: { a: 3 } },
    { asset: 'x', sourceTime: 20, receivedTime: 99, values: { a: 4 } },
  ])
})

test('picoseconds are cut to the microsecond, and a name of the prototype is a tag like any other', () => {
  const hostile = item('x', '__proto__')
  const data = { ...change(hostile, 1, 1_000).data, sourcePicoseconds: 123_456_789 }
  const [reading] = toReadings([{ item: hostile, data }], 99)
  assert.equal(reading!.sourceTime, 1_000.123)
  assert.deepEqual(Object.keys(reading!.values), ['__proto__'])
})

test('no value is lost, and those of a tag keep their order, also where clocks jump', () => {
  const items = [item('x', 'a'), item('x', 'b'), item('x', 'c')]
  const changes = fc.array(fc.record({ tag: fc.nat(2), time: fc.nat(4) }), { maxLength: 40 })
  fc.assert(
    fc.property(changes, (given) => {
      const readings = toReadings(
        given.map(({ tag, time }, index) => change(items[tag]!, index, time)),
        99,
      )
      for (const [tag, { tag: name }] of items.entries()) {
        const want = given.flatMap((one, index) => (one.tag === tag ? [[index, one.time]] : []))
        const came = readings.flatMap(({ values, sourceTime }) =>
          Object.hasOwn(values, name) ? [[values[name], sourceTime]] : [],
        )
        assert.deepEqual(came, want)
      }
    }),
  )
})

test('the queue to the hub says how much room there is, and ends after what waits', async () => {
  const handOver = new HandOver()
  const before = handOver.room()
  const batch = { items: [], ack() {}, fail() {} }
  for (let i = 0; i < before; i += 1) handOver.push(batch, 1)
  assert.equal(handOver.room(), 0)
  let roomAgain = 0
  handOver.onRoom = () => (roomAgain += 1)
  const pulled = handOver[Symbol.asyncIterator]()
  await pulled.next()
  assert.deepEqual([roomAgain, handOver.room()], [1, 1])
  handOver.push(batch, 100_000)
  assert.equal(handOver.room(), 0)
  handOver.end()
  let rest = 0
  while ((await pulled.next()).done !== true) rest += 1
  assert.equal(rest, before)
})

test('browse paths: placeholders, namespaces, names with signs of regular expressions', () => {
  const path = parseBrowsePath('nsu=urn:a;Hall (1)/Press{n}')
  const none = new Map<string, string>()
  assert.ok(matchSegment(path.segments[0]!, { namespace: 'urn:a', name: 'Hall (1)' }, none))
  assert.equal(matchSegment(path.segments[1]!, { namespace: 'urn:b', name: 'Press1' }, none), undefined)
  assert.equal(matchSegment(path.segments[1]!, { namespace: 'urn:a', name: 'PressShop' }, none), undefined)
  assert.deepEqual(
    matchSegment(path.segments[1]!, { namespace: 'urn:a', name: 'Press12' }, none),
    new Map([['n', '12']]),
  )
  const [any] = parseBrowsePath(['{line}']).segments
  assert.deepEqual(matchSegment(any!, { namespace: 'x', name: 'a/b' }, none), new Map([['line', 'a/b']]))
})

test('a config that cannot work says why', () => {
  const fault = (config: object) =>
    opcuaSpec.config.safeParse({ endpoint: 'opc.tcp://plc:4840', nodes: [{ node: 'ns=2;s=a', asset: 'a' }], ...config })
      .error?.issues[0]?.message
  assert.equal(fault({}), undefined)
  assert.match(fault({ endpoint: 'http://plc' })!, /^Cannot use endpoint: want e\.g\. "opc\.tcp:/)
  assert.equal(fault({ nodes: [{ asset: 'a' }] }), 'Cannot find nodes: want exactly one of "node" and "browse"')
  assert.equal(
    fault({ nodes: [{ browse: 'P{n}', asset: 'a/{m}' }] }),
    'Cannot use asset "a/{m}": {m} is not in "browse", want {n}',
  )
  assert.equal(
    fault({ nodes: [{ browse: 'a//b', asset: 'a' }] }),
    'Cannot use browse path "a//b": a segment is empty, want a browse name between slashes',
  )
  assert.match(fault({ security: { mode: 'sign' } })!, /^Cannot secure the connection: "certificate" is missing/)
})
