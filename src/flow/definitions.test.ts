import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryLog } from '../log/memory/memory-log.ts'
import { MemoryStore } from '../log/memory/memory-store.ts'
import { topicSpec } from '../log/topics.ts'
import { Catalogue } from '../model/catalogue.ts'
import { topicName } from '../model/path.ts'
import { systemClock } from '../system/clock.ts'
import { silentLogger } from '../system/logger.ts'
import { decodeDefinition, followDefinitions, loadDefinitions, publishDefinitions } from './definitions.ts'
import { until } from '../../test/until.ts'

const SITE = 'acme/berlin'

test('what one hub defines, the others know while they run', async () => {
  const store = new MemoryStore()
  const [ours, theirs] = [0, 1].map(() => new MemoryLog({ clock: systemClock, store })) as [MemoryLog, MemoryLog]
  await ours.ensure([topicSpec(SITE, 'assets', 1)])
  const press = { path: 'acme/berlin/press', tags: new Map([['on', { type: 'boolean', kind: 'gauge' }]] as const) }
  await publishDefinitions(theirs, SITE, new Catalogue(), [press], 1)
  const catalogue = new Catalogue()
  const from = await loadDefinitions(ours, SITE, catalogue, silentLogger)
  assert.equal(catalogue.typeOf('acme/berlin/press', 'on'), 'boolean')
  const system = { clock: systemClock, logger: silentLogger }
  const stop = new AbortController()
  const defined = Promise.withResolvers<string>()
  const following = followDefinitions({ log: ours, from, catalogue, system, onDefined: defined.resolve }, stop.signal)
  await theirs.append(topicName(SITE, 'assets'), [{ key: 'x', value: 'none of ours', timestamp: 1 }])
  await publishDefinitions(theirs, SITE, new Catalogue(), [{ ...press, path: 'acme/berlin/saw' }], 2)
  assert.equal(await defined.promise, 'acme/berlin/saw')
  assert.equal(catalogue.typeOf('acme/berlin/saw', 'on'), 'boolean')
  stop.abort()
  await following
})

test('two hubs that learn tags of one asset at once leave a record of all of them', async () => {
  const store = new MemoryStore()
  const logs = [0, 1].map(() => new MemoryLog({ clock: systemClock, store }))
  await logs[0]!.ensure([topicSpec(SITE, 'assets', 1)])
  const stop = new AbortController()
  const path = 'acme/berlin/press'
  const system = { clock: systemClock, logger: silentLogger }
  const following = logs.map(async (log, index) => {
    const catalogue = new Catalogue()
    const from = await loadDefinitions(log, SITE, catalogue, silentLogger)
    const tags = new Map([[`t${index}`, { type: 'boolean', kind: 'gauge' }]] as const)
    await publishDefinitions(log, SITE, catalogue, [{ path, tags }], 1)
    await followDefinitions({ log, from, catalogue, system, onDefined: () => {} }, stop.signal)
  })
  const newest = async () => {
    const positions = [{ topic: topicName(SITE, 'assets'), partition: 0, offset: 0 }]
    let last: string[] = []
    for await (const { records } of logs[0]!.read(positions, { signal: new AbortController().signal, untilEnd: true }))
      for (const { value } of records) last = [...decodeDefinition(value!)!.tags.keys()].sort()
    return last
  }
  await until(async () => (await newest()).length >= 2)
  assert.deepEqual(await newest(), ['t0', 't1'])
  stop.abort()
  await Promise.all(following)
})

test('what the config says of an asset, and no longer says, reaches the other hubs', async () => {
  const log = new MemoryLog({ clock: systemClock, store: new MemoryStore() })
  await log.ensure([topicSpec(SITE, 'assets', 1)])
  const path = 'acme/berlin/press'
  const relations = [{ type: 'feeds', target: 'acme/berlin/saw' }]
  const press = { path, tags: new Map(), meta: { serial: 'P-7' }, relations }
  await publishDefinitions(log, SITE, new Catalogue(), [press], 1)
  const known = async () => {
    const catalogue = new Catalogue()
    await loadDefinitions(log, SITE, catalogue, silentLogger)
    return catalogue
  }
  const catalogue = await known()
  assert.deepEqual(catalogue.asset(path), press)
  assert.deepEqual(catalogue.relations('acme/berlin/saw').at(-1), { type: 'feeds', target: path, inverse: true })
  await publishDefinitions(log, SITE, catalogue, [{ ...press, meta: {}, relations: [] }], 2)
  const { meta, relations: none } = (await known()).asset(path)!
  assert.deepEqual([meta, none], [undefined, undefined])
})
