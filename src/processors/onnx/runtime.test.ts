import assert from 'node:assert/strict'
import { copyFile, readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { parsePlant } from '../../cli/files.ts'
import { CagedHosts } from '../../flow/cage/caged-hosts.ts'
import { keyOfText } from '../../flow/topology/key-state.ts'
import type { PlacedFact } from '../../flow/topology/engine.ts'
import { systemClock } from '../../system/clock.ts'
import { need } from '../../../tools/need.ts'
import { readGraph } from './graph.ts'
import { temporaryFolder } from '../../../test/temporary-folder.ts'

/** Models beyond dense networks: onnxruntime runs them, in a process of its own, where it is installed beside the config. */

const MODEL = 'test/processors/models/convolution.onnx'
const T0 = 1_732_287_000_000

/** A folder with a plant, its model, and onnxruntime beside it. */
async function plantFolder({ runtime }: { readonly runtime?: string }): Promise<string> {
  const directory = await temporaryFolder('onnx')
  await copyFile(MODEL, join(directory, 'model.onnx'))
  if (runtime !== undefined) await symlink(join(runtime, 'node_modules'), join(directory, 'node_modules'))
  return directory
}

function load(directory: string, more = '') {
  const text = `site: acme/berlin
sources: { posts: { http: {} } }
processors:
  net:
    onnx: { model: "bytes:${directory}/model.onnx", inputs: [a, b], rows: 3, outputs: [p, q, r, s]${more} }
`
  return parsePlant(join(directory, 'plant.yaml'), Buffer.from(text))
}

function fact(second: number, a: number, b: number): PlacedFact {
  const time = T0 + 1_000 * second
  const reading = { asset: 'acme/berlin/m1', sourceTime: time, receivedTime: time, values: { a, b } }
  return { fact: { kind: 'reading', reading }, cause: `t/0/${second}`, received: time }
}

test('without onnxruntime a model that wants it is refused where it is, with what to do', async () => {
  const directory = await plantFolder({})
  await assert.rejects(load(directory), (error: Error) => {
    assert.match(error.message, /it has a node of kind "Conv", and built in are only Gemm/)
    assert.match(error.message, /run npm install onnxruntime-node beside the config file/)
    return true
  })
})

test('a convolution over the last rows, and its states, which another process goes on from', async (t) => {
  const runtime = need('onnxruntime-node')
  if (runtime === undefined) return t.skip('onnxruntime-node is not installed')
  const directory = await plantFolder({ runtime })
  const { processors } = await load(directory)
  const { cage } = processors[0]!
  const hosts = new CagedHosts(cage!, systemClock)
  t.after(() => hosts.close())
  const host = hosts.open()
  await host.restore([], -Infinity)
  const first = await host.take([fact(1, 1, 2), fact(2, 3, 4), fact(3, 5, 6)])
  assert.deepEqual(first.faults, [])
  const said = ({ outputs }: typeof first) =>
    outputs.map(({ fact: { kind, ...rest } }) => kind === 'reading' && 'reading' in rest && rest.reading.values)
  const none = { 'net.p': null, 'net.q': null, 'net.r': null, 'net.s': null }
  const weights = [...readGraph(await readFile(MODEL)).weights.values()][0]!.values
  const convolved = (row: readonly number[]) =>
    [0, 1, 2, 3].map((at) => Math.fround([0, 1, 2].reduce((sum, k) => sum + weights[k]! * row[at + k]!, 0)))
  const near = (values: unknown, row: readonly number[]) =>
    convolved(row).forEach((wanted, at) => {
      const got = Object.values(values as object)[at] as number
      assert.ok(Math.abs(got - wanted) < 1e-5, `${at}: ${got}, want ${wanted}`)
    })
  assert.deepEqual(said(first).slice(0, 2), [none, none])
  near(said(first)[2], [1, 2, 3, 4, 5, 6])
  const { keys, received } = await host.changes()
  const next = hosts.open()
  await next.restore(keys.map(keyOfText), received)
  near(said(await next.take([fact(4, 7, 8)]))[0], [3, 4, 5, 6, 7, 8])
})

for (const [what, more, complaint] of [
  ['names its output', ', output: out', undefined],
  ['has no output of that name', ', output: other', /it has no output "other", want one of out/],
] as const) {
  test(`a model that ${what}`, async (t) => {
    const runtime = need('onnxruntime-node')
    if (runtime === undefined) return t.skip('onnxruntime-node is not installed')
    const { processors } = await load(await plantFolder({ runtime }), more)
    const hosts = new CagedHosts(processors[0]!.cage!, systemClock)
    t.after(() => hosts.close())
    const taken = hosts.open().take([fact(1, 1, 2)])
    if (complaint === undefined) assert.equal((await taken).outputs.length, 1)
    else await assert.rejects(taken, complaint)
  })
}
