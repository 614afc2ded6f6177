import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import fc from 'fast-check'
import { parsePlant } from '../../cli/files.ts'
import { Quality } from '../../model/quality.ts'
import type { Reading, Value } from '../../model/reading.ts'
import { TopologyDriver } from '../../testing.ts'
import { readGraph } from './graph.ts'
import { compile } from './network.ts'
import { onnxSpec } from './spec.ts'

/**
 * Models made with onnx 1.23, and what onnxruntime 1.32 made of some rows (`make.py` there): `autoencoder` is of the shape of
 * the connected cars (18-14-7-7-18), `kinds` has every kind of node with arithmetic, `convolution` one that is not known.
 */
const MODELS = 'test/processors/models'
const T0 = 1_732_287_000_000

async function reference(name: string) {
  const [model, json] = await Promise.all([
    readFile(`${MODELS}/${name}.onnx`),
    readFile(`${MODELS}/${name}.json`, 'utf8'),
  ])
  return { model, ...(JSON.parse(json) as { rows: number[][]; outputs: number[][] }) }
}

for (const name of ['autoencoder', 'kinds'])
  test(`${name}: as onnxruntime, but for the rounding of floats`, async () => {
    const { model, rows, outputs } = await reference(name)
    const network = compile(readGraph(model), rows[0]!.length)
    rows.forEach((row, at) => {
      const results = network.run(Float64Array.from(row))
      assert.equal(results.length, outputs[at]!.length)
      results.forEach((result, i) => {
        const wanted = outputs[at]![i]!
        assert.ok(Math.abs(result - wanted) <= 1e-5 * Math.max(1, Math.abs(wanted)), `row ${at}: ${result}, ${wanted}`)
      })
    })
  })

test('a model that does not fit is refused with the reason', async () => {
  const { model } = await reference('autoencoder')
  const refused = (config: { readonly [name: string]: unknown }) =>
    onnxSpec.config.safeParse({ model, ...config }).error?.issues.map(({ message }) => message)
  const tags = (count: number) => Array.from({ length: count }, (_, at) => `tag${at}`)
  assert.deepEqual(refused({ inputs: tags(3) }), [
    'Cannot use the model: its input "in" takes 18 numbers, and the config gives 3',
  ])
  assert.deepEqual(refused({ inputs: tags(18), outputs: ['score'] }), [
    'Cannot use the model: it gives 18 numbers, want 1 as in "outputs"',
  ])
  assert.deepEqual(refused({ inputs: tags(18), model: model.subarray(0, 900) }), [
    'Cannot use the model: it ends in the middle of a field',
  ])
  assert.deepEqual(refused({ inputs: 'no json' })?.[0], 'Cannot read inputs: want a list, or file:PATH of one as JSON')
  assert.match(refused({ inputs: tags(18), model: 'x.onnx' })?.[0] ?? '', /write bytes:PATH of an ONNX file/)
})

test('broken files are refused, never believed', async () => {
  const { model } = await reference('autoencoder')
  fc.assert(
    fc.property(fc.nat({ max: model.length - 1 }), fc.nat({ max: 255 }), (at, byte) => {
      const broken = Uint8Array.from(model)
      broken[at] = byte
      const parsed = onnxSpec.config.safeParse({ model: broken, inputs: Array.from({ length: 18 }, (_, i) => `t${i}`) })
      if (!parsed.success) assert.match(parsed.error.issues[0]!.message, /^Cannot use the model: /)
    }),
    { numRuns: 300 },
  )
})

function machine(config: { readonly [name: string]: unknown }) {
  const driver = new TopologyDriver(
    onnxSpec.topology(onnxSpec.config.parse(config), { name: 'net', site: 'acme/berlin' }),
  )
  let second = 0
  return {
    row(values: { readonly [tag: string]: Value | null }, after = 1): Reading[] {
      const sourceTime = T0 + 1000 * (second += after)
      const bad = Object.keys(values).filter((tag) => values[tag] === null)
      const quality = Object.fromEntries(bad.map((tag) => [tag, Quality.BadSensorFailure]))
      const reading = { asset: 'acme/berlin/car1', sourceTime, receivedTime: sourceTime, values, quality }
      const outputs = driver.send({ kind: 'reading', reading })
      return outputs.flatMap(({ fact }) => (fact.kind === 'reading' ? [fact.reading] : []))
    },
    restart: () => driver.restore(JSON.parse(JSON.stringify(driver.changes())) as ReturnType<typeof driver.changes>),
  }
}

test('the error of an autoencoder over tags that come one by one, and the tag that adds the most', async () => {
  const { model, rows, outputs } = await reference('autoencoder')
  const [row, output] = [rows[0]!, outputs[0]!]
  const inputs = row.map((_, at) => ({ tag: `t${at}`, mean: 10, scale: 2 }))
  const car = machine({ model, inputs: JSON.stringify(inputs) })
  const measured = row.map((value, at) => [`t${at}`, 10 + 2 * value] as const)
  const [early] = car.row(Object.fromEntries(measured.slice(1)))
  assert.deepEqual(early!.values, { 'net.error': null, 'net.worst': null })
  assert.deepEqual(early!.quality, { 'net.error': Quality.BadNoData, 'net.worst': Quality.BadNoData })
  car.restart()
  const [told] = car.row(Object.fromEntries(measured.slice(0, 1)))
  const errors = row.map((value, at) => (value - output[at]!) ** 2)
  const error = errors.reduce((sum, one) => sum + one, 0) / 18
  assert.ok(Math.abs((told!.values['net.error'] as number) - error) < 1e-5)
  assert.equal(told!.values['net.worst'], `t${errors.indexOf(Math.max(...errors))}`)
  assert.equal(told!.quality, undefined)
  assert.deepEqual(car.row({ other: 1 }), [])
  assert.equal(car.row({ t0: 1 }, 100)[0]!.values['net.error'], null)
})

test('several rows at once, the oldest first', async () => {
  const { model, rows, outputs } = await reference('kinds')
  const row = rows[0]!
  const car = machine({ model, inputs: ['a', 'b'], rows: 3, outputs: ['u', 'v', 'w', 'x', 'y', 'z'] })
  assert.equal(car.row({ a: row[0]!, b: row[1]! })[0]!.values['net.u'], null)
  car.restart()
  assert.equal(car.row({ a: row[2]!, b: row[3]! })[0]!.values['net.u'], null)
  const [told] = car.row({ a: row[4]!, b: row[5]! })
  assert.ok(Math.abs((told!.values['net.z'] as number) - outputs[0]![5]!) < 1e-5)
})

test('a plant names the file of its model', async () => {
  const text = `site: acme/berlin
sources: { posts: { http: {} } }
processors: { net: { onnx: { model: "bytes:${MODELS}/kinds.onnx", inputs: [a, b, c, d, e, f] } } }
`
  const plant = await parsePlant('plant.yaml', Buffer.from(text))
  assert.equal(plant.processors[0]!.name, 'net')
  await assert.rejects(
    parsePlant('plant.yaml', Buffer.from(text.replace('kinds', 'none'))),
    /Cannot read file "test\/processors\/models\/none.onnx"/,
  )
})
