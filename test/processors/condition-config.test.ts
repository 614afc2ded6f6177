import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadPlant } from '../../src/config/load.ts'
import { ConfigError } from '../../src/config/problem.ts'
import { diffTopologies } from '../../src/config/topologies.ts'
import { KINDS } from '../../src/registry.ts'

/** What the linter and `millrace topology` say of conditions, beside the models of the plant. */

const HEAD = `site: acme/berlin
models:
  press@1: { tags: { temperature: { unit: Cel }, state: { kind: state }, cycles: { kind: counter, type: int64 } } }
  oven@1:  { tags: { temperature: {}, door: { type: boolean } } }
assets:
  press-shop/press{1..2}: { model: press@1 }
  bakery/oven1: { model: oven@1 }
  bakery/scale1:
processors:
  hot:
    condition:
`

const around = { env: {}, readFile: () => Promise.reject(new Error('no files here')) }

async function load(...lines: readonly string[]) {
  const text = HEAD + lines.map((line) => `      ${line}\n`).join('')
  return loadPlant('plant.yaml', Buffer.from(text), KINDS, around)
}

async function problemsOf(...lines: readonly string[]): Promise<string[]> {
  const error = await load(...lines).then(
    () => assert.fail('want a ConfigError'),
    (fault: unknown) => fault,
  )
  assert.ok(error instanceof ConfigError)
  return error.problems.map(({ line, column, message }) => `${line}:${column} ${message}`)
}

test('a tag that the models do not have is told where it is, with what was meant', async () => {
  assert.deepEqual(await problemsOf('on: press-shop/*', 'when: "temprature > 95 for 30s"'), [
    '13:13 Cannot read expression "temprature > 95" at column 1: there is no tag "temprature", want one of temperature, state, cycles; did you mean "temperature"?',
  ])
  assert.deepEqual(await problemsOf('on: press-shop/*', 'limits: { value: cycls / 2.0, hi: 5 }'), [
    '13:24 Cannot read expression "cycls / 2.0" at column 1: there is no tag "cycls", want one of temperature, state, cycles; did you mean "cycles"?',
  ])
  assert.deepEqual(await problemsOf('on: press-shop/*', 'when: temperature > 95', 'message: "{temprature} Cel"'), [
    '14:16 Cannot show tag "temprature": it is not in the model, want one of temperature, state, cycles; did you mean "temperature"?',
  ])
})

test('values that cannot be compared by their declared types are told too', async () => {
  assert.deepEqual(await problemsOf('on: press-shop/press1', 'when: "state > 5"'), [
    '13:13 Cannot read expression "state > 5" at column 1: cannot work out string > int',
  ])
})

for (const [what, ...lines] of [
  ['numbers of any type', 'on: press-shop/*', 'when: "temperature > 95 && cycles > 5 && cycles > 5.5"'],
  ['a tag of one of several models', 'on: [press-shop/*, bakery/oven1]', 'when: "door"'],
  ['an asset without a model may have any tag', 'on: bakery/*', 'when: "weight > 5"'],
  ['assets that nobody has declared', 'on: fleet/*', 'when: "speed > 5"'],
  ['no "on": machines may come that nobody has declared', 'when: "speed > 5"'],
] as const) {
  test(`nothing is wrong with: ${what}`, async () => {
    await load(...lines)
  })
}

test('a change of an expression, a limit or a message is a difference of topologies', async () => {
  const topologies = async (...lines: readonly string[]) =>
    (await load('on: press-shop/*', ...lines)).processors.map(({ topology }) => topology)
  const before = await topologies('when: "temperature > 95 for 30s"')
  assert.deepEqual(diffTopologies(before, await topologies('when: "temperature > 90 for 30s"')), [
    '~ hot.watch.condition.when: "temperature > 95 for 30s" -> "temperature > 90 for 30s"',
  ])
  assert.deepEqual(diffTopologies(before, await topologies('when: "temperature > 95 for 30s"', 'latch: true')), [
    '~ hot.watch.condition.latch: false -> true',
  ])
  const limits = (value: string) => topologies(`limits: { value: "${value}", hi: 5 }`)
  assert.deepEqual(diffTopologies(await limits('temperature'), await limits('temperature - 1.0')), [
    '~ hot.watch.condition.limits.value: "temperature" -> "temperature - 1.0"',
  ])
  assert.deepEqual(diffTopologies(before, before), [])
})
