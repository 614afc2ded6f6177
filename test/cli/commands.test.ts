import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { connectLog } from '../../src/log/client/connect.ts'
import { systemClock } from '../../src/system/clock.ts'
import { nodeNet } from '../../src/system/node-net.ts'
import { parseAddress } from '../../src/system/net.ts'
import { systemRandom } from '../../src/system/random.ts'
import { end, Millrace, post } from './millrace.ts'

test('init writes a config that lint finds good; it overwrites nothing', async (t) => {
  const millrace = await Millrace.create(t)
  assert.equal((await millrace.run('init')).code, 0)
  assert.deepEqual(JSON.parse((await millrace.run('lint', '--json')).out), {
    ok: true,
    site: 'acme/berlin',
    sources: 2,
    assets: 2,
    models: 1,
  })
  const again = await millrace.run('init')
  assert.equal(again.code, 1)
  assert.equal(again.err, 'Cannot write "plant.yaml": it is already there, want another name or --force\n')
})

test('the config of init runs, with ports that are free here', async (t) => {
  const millrace = await Millrace.create(t)
  await millrace.run('init')
  const file = join(millrace.directory, 'plant.yaml')
  const config = await readFile(file, 'utf8')
  await writeFile(
    file,
    config
      .replace('log: embedded ', 'log: { embedded: { listen: 0 } } ')
      .replace('listen: 1883', 'listen: 0')
      .replace('listen: 8080', 'listen: 0'),
  )
  const { child, page } = await millrace.hub()
  assert.equal((await fetch(`${page}/healthz`)).status, 200)
  assert.equal(await end(child), 0)
})

test('a bad config: lint and run say where, and end with 2', async (t) => {
  const millrace = await Millrace.create(t)
  await writeFile(join(millrace.directory, 'bad.yaml'), 'site: acme/berlin\nsorces: {}\n')
  for (const command of ['lint', 'run']) {
    const { code, out, err } = await millrace.run(command, 'bad.yaml')
    assert.equal(code, 2)
    assert.equal(out, '')
    assert.match(err, /^bad\.yaml:2:1/)
    const json = await millrace.run(command, 'bad.yaml', '--json')
    assert.equal(json.code, 2)
    assert.equal((JSON.parse(json.out) as { code: string }).code, 'BAD_CONFIG')
  }
})

test('asked wrongly, it ends with 2 and says what is meant', async (t) => {
  const millrace = await Millrace.create(t)
  const { code, err } = await millrace.run('lnt')
  assert.equal(code, 2)
  assert.match(err, /Did you mean lint\?/)
  const { code: help, out } = await millrace.run('run', '--help')
  assert.equal(help, 0)
  assert.match(out, /^Usage: millrace run/)
})

test('a port that is taken: one sentence, exit code 1, nothing left running', async (t) => {
  const millrace = await Millrace.create(t)
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.after(() => other.close())
  const { port } = other.address() as AddressInfo
  const api = await millrace.run('run', await millrace.plant({ http: port }), '--log-level', 'error')
  assert.deepEqual(api, {
    code: 1,
    out: '',
    err: `error Cannot listen on "127.0.0.1:${port}": another program listens there, want a free port\n`,
  })
  const log = await millrace.run('run', await millrace.plant({ kafka: port }), '--json', '--log-level', 'error')
  assert.deepEqual([log.code, log.err], [1, ''])
  assert.equal((JSON.parse(log.out) as { code: string }).code, 'LOG_ADDRESS_IN_USE')
  // What failed holds nothing: the directory can be had at once.
  const { child } = await millrace.hub(await millrace.plant())
  assert.equal(await end(child), 0)
})

test('a data directory that is no directory, or in use: one sentence and exit code 1', async (t) => {
  const millrace = await Millrace.create(t)
  const plant = await millrace.plant()
  const file = await millrace.run('run', plant, '--data', plant)
  assert.deepEqual(file, { code: 1, out: '', err: `error Cannot write "plant.yaml": it is a file, want a directory\n` })
  const below = await millrace.run('run', plant, '--data', 'plant.yaml/data')
  assert.equal(below.code, 1)
  assert.match(
    below.err,
    /^error Cannot write ".*plant\.yaml\/data": a part of the path is a file, want a directory\n$/,
  )
  const { child } = await millrace.hub(plant)
  const second = await millrace.run('run', plant, '--log-level', 'error')
  assert.equal(second.code, 1)
  assert.match(second.err, /^error [^\n]*\n$/)
  assert.match(second.err, new RegExp(`${child.pid}`))
  assert.equal(await end(child), 0)
})

test('tail and ledger on a running and on a stopped hub', async (t) => {
  const millrace = await Millrace.create(t)
  const { child, page } = await millrace.hub(await millrace.plant())
  const following = millrace.start('tail', 'hall/**', '--from', 'start', '-n', '3', '--json')
  const lines = createInterface({ input: following.stdout! })[Symbol.asyncIterator]()
  await post(page, 'hall/press', [{ n: 1 }, { n: 2 }])
  await post(page, 'yard/gate', { n: 9 })
  await post(page, 'hall/press', { n: 3 })
  const read = [await lines.next(), await lines.next(), await lines.next()]
  const numbers = read.map(({ value }) => (JSON.parse(value as string) as { values: { n: number } }).values.n)
  assert.deepEqual(numbers, [1, 2, 3])
  const running = await millrace.run('ledger', '--json')
  assert.deepEqual([running.code, JSON.parse(running.out).running, JSON.parse(running.out).balanced], [0, true, true])
  assert.equal(await end(child), 0)

  const stopped = await millrace.run('tail', '--from', 'start', '--end', '--json')
  assert.equal(stopped.code, 0)
  assert.equal(stopped.out.trimEnd().split('\n').length, 4)
  const books = await millrace.run('ledger')
  assert.equal(books.code, 0)
  assert.match(books.out, /posts\s+4\s+4\s+0\s+0\s+0\s+0\s+balanced/)
  assert.match(books.out, /The books balance: acme\/berlin/)
})

test('books that do not balance: ledger says so and ends with 1', async (t) => {
  const millrace = await Millrace.create(t)
  const { child, page, kafka } = await millrace.hub(await millrace.plant())
  await post(page, 'hall/press', [{ n: 1 }, { n: 2 }])
  const system = { clock: systemClock, random: systemRandom, net: nodeNet }
  const log = await connectLog({ brokers: [parseAddress(kafka)!], system })
  const value = '{"asset":"acme/berlin/hall/press","ts":1,"recv":1,"values":{"n":2}}'
  const headers = [
    ['source', 'posts'],
    ['seq', '2'],
  ] as const
  await log.append('acme.berlin.telemetry', [{ key: 'acme/berlin/hall/press', value, headers, timestamp: 1 }])
  await log.close()
  assert.equal(await end(child), 0)
  const { code, out } = await millrace.run('ledger', '--json')
  assert.equal(code, 1)
  assert.equal((JSON.parse(out) as { balanced: boolean }).balanced, false)
})

test('no data, no stack trace: ledger and tail name the directory', async (t) => {
  const millrace = await Millrace.create(t)
  for (const command of ['ledger', 'tail']) {
    const { code, err } = await millrace.run(command, '--data', 'nowhere')
    assert.equal(code, 1)
    assert.match(err, /^error Cannot open "nowhere": there is no data of a plant in it[^\n]*\n$/)
  }
})
