import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadPlant } from '../../src/config/load.ts'
import { ConfigError } from '../../src/config/problem.ts'
import { KINDS } from '../../src/registry.ts'

/** A tag that no model has is told where it is, before anything runs, by every kind of processor that names tags. */

const HEAD = `site: acme/berlin
models:
  press@1: { tags: { temperature: { unit: Cel }, state: { kind: state }, cycles: { kind: counter, type: int64 } } }
assets:
  press-shop/line1/press{1..2}: { model: press@1 }
processors:
  one:
`

async function problemsOf(block: string): Promise<string[]> {
  const around = { env: {}, readFile: () => Promise.reject(new Error('no files here')) }
  const loaded = loadPlant('plant.yaml', Buffer.from(`${HEAD}    ${block}\n`), KINDS, around)
  const problems = await loaded.then(
    () => [],
    (fault: unknown) => (fault instanceof ConfigError ? fault.problems : Promise.reject(fault as Error)),
  )
  return problems.map(({ line, column, message }) => `${line}:${column} ${message}`)
}

const ON = 'on: "press-shop/**"'
const KNOWN = 'it is not in the model, want one of temperature, state, cycles; did you mean'

for (const [block, problem] of [
  [
    `window: { ${ON}, tumbling: 1m, tags: { temprature: mean } }`,
    `8:70 Cannot summarise tag "temprature": ${KNOWN} "temperature"?`,
  ],
  [`deadband: { ${ON}, tags: { temprature: 1 } }`, `8:58 Cannot report tag "temprature": ${KNOWN} "temperature"?`],
  [`anomaly: { ${ON}, tags: [cycls] }`, `8:43 Cannot learn tag "cycls": ${KNOWN} "cycles"?`],
  [
    'join: { left: { on: "press-shop/{line}/*", tags: [cycls] }, right: { on: "press-shop/{line}", tags: order } }',
    `8:54 Cannot join tag "cycls": ${KNOWN} "cycles"?`,
  ],
  [
    `derive: { ${ON}, tags: { hot: "temprature > 95.0" } }`,
    '8:49 Cannot read expression "temprature > 95.0" at column 1: there is no tag "temprature", want one of temperature, state, cycles; did you mean "temperature"?',
  ],
] as const) {
  test(`told with its place: ${block}`, async () => assert.deepEqual(await problemsOf(block), [problem]))
}

for (const block of [
  `window: { ${ON}, of: other, tumbling: 1m, tags: { "other.temperature": mean } }`,
  'window: { tumbling: 1m, tags: { speed: mean } }',
  'deadband: { on: "fleet/*", tags: { speed: 1 } }',
]) {
  test(`nothing is wrong with: ${block}`, async () => {
    const problems = await problemsOf(block)
    assert.deepEqual(
      problems.filter((problem) => problem.includes('tag')),
      [],
    )
  })
}
