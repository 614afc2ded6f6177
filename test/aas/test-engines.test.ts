import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import { need } from '../../tools/need.ts'
import { until } from '../until.ts'
import { aasHub, PRESSES } from './hub.ts'
import { temporaryFolder } from '../temporary-folder.ts'

/** `aas_test_engines`, the tester of the IDTA. */
const python = need('aas-test-engines')
const skip = python === undefined && 'aas_test_engines is not here'

const PROFILES = ['AssetAdministrationShellRepository', 'SubmodelRepository'] as const
const ALL_ELEMENTS = readFileSync(new URL('all-elements.json', import.meta.url), 'utf8')

/**
 * Where the tester wants something else than the specification says, with the tests that fail for it.
 * - It takes only an object or a list as JSON. The value of a property alone is a bare value: the annex of IDTA-01002-3-0 on
 *   serialization modifiers shows `5000`, and its OpenAPI has `PropertyValue` as a text, number or boolean.
 * - It reads metadata as whole elements. In the OpenAPI `RelationshipElementMetadata` and its like have no values.
 */
const BARE_VALUE = { says: /^Expected JSON, got <class '(str|float|int|bool|NoneType)'>$/, tests: 9 }
const NO_VALUES = { says: /^Missing attribute (first|second|observed) @ \/result\/\d+$/, tests: 1 }

for (const profile of PROFILES) {
  test(`${profile} SSP-002: the plant's own shells`, { skip }, async (t) => {
    const { page, door } = await aasHub(t, PRESSES)
    const reading = { state: 'Execute', temperature: 71.5, 'motor.on': true, cycles: 12, recipe: { a: [1] } }
    await say(page, 'ingest/press-shop/line1/press1', reading)
    await checkServer(t, door, profile, [BARE_VALUE])
  })

  test(`${profile} SSP-002: one element of each type`, { skip }, async (t) => {
    const { door } = await aasHub(t, '', [ALL_ELEMENTS])
    await checkServer(t, door, profile, [BARE_VALUE, NO_VALUES])
  })
}

test('what is exported is what the metamodel allows, as JSON and as a package', { skip }, async (t) => {
  const { page, door } = await aasHub(t, PRESSES, [ALL_ELEMENTS])
  await say(page, 'ingest/press-shop/line1/press1', { state: 'Execute', temperature: 500, 'motor.on': true })
  const left = { median: 40, low: 20, high: null, level: 0.8 }
  const data = { key: 'bearings', action: 'now', why: 'it fails soon', unit: 'h', age: 900, left }
  await say(page, 'events', { type: 'maintenance.advised', asset: 'press-shop/line1/press1', data })
  const isWhole = (text: string) =>
    ['InternalSegment', 'PredictionModelInformation'].every((part) => text.includes(part))
  await until(async () => isWhole(await (await fetch(`${door}/serialization`)).text()), { everyMs: 50 })
  for (const [format, accept] of [
    ['json', 'application/json'],
    ['aasx', 'application/asset-administration-shell-package+xml'],
  ] as const) {
    const answer = await fetch(`${door}/serialization`, { headers: { accept } })
    assert.equal(answer.headers.get('content-type')?.split(';', 1)[0], accept)
    const bytes = Buffer.from(await answer.arrayBuffer())
    assert.deepEqual(await checkFile(format, bytes), [], format)
  }
  // What the metamodel does not allow is found, so the check sees.
  const wrong = ALL_ELEMENTS.replace('"value": "5000.5"', '"value": "fast"')
  assert.match((await checkFile('json', Buffer.from(wrong)))[0]!, /^Value 'fast' is not a 'xs:double'/)
})

async function say(page: string, route: string, body: object): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${page}/api/v1/${route}`, { method: 'POST', headers, body: JSON.stringify(body) })
  assert.equal(answer.status, 200, await answer.text())
}

async function checkServer(
  t: TestContext,
  door: string,
  profile: (typeof PROFILES)[number],
  known: readonly { readonly says: RegExp; readonly tests: number }[],
): Promise<void> {
  const result = await engines('check_server', door, `${profile}ServiceSpecification/SSP-002`, '--output', 'json')
  const faults = faultsIn(result)
  assert.deepEqual(
    faults.filter((fault) => !known.some(({ says }) => says.test(fault))),
    [],
  )
  const summary = messages(result).filter((message) => /tests passed/.test(message))
  t.diagnostic(summary.join(', '))
  const [[negative, ofNegative], [positive, ofPositive]] = summary.map((line) =>
    /(\d+) \/ (\d+)$/.exec(line)!.slice(1).map(Number),
  ) as [[number, number], [number, number]]
  assert.equal(negative, ofNegative)
  assert.equal(positive, ofPositive - known.reduce((sum, { tests }) => sum + tests, 0))
}

async function checkFile(format: string, bytes: Uint8Array): Promise<readonly string[]> {
  const directory = await temporaryFolder('aas-file')
  const file = join(directory, `export.${format}`)
  await writeFile(file, bytes)
  return faultsIn(await engines('check_file', file, '--format', format, '--output', 'json'))
}

/** What the tester says: a tree of messages with a level each. */
interface Result {
  readonly m: string
  readonly l: number
  readonly s: readonly Result[]
}

async function engines(...args: readonly string[]): Promise<Result> {
  const child = spawn(python!, ['-m', 'aas_test_engines', ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [out] = await Promise.all([text(child.stdout), once(child, 'exit')])
  return JSON.parse(out) as Result
}

/** Messages of the innermost results that are errors or worse. */
function faultsIn(result: Result): readonly string[] {
  const inner = result.s.flatMap(faultsIn)
  return inner.length > 0 || result.l < ERROR ? inner : [result.m]
}

function messages({ m, s }: Result): readonly string[] {
  return [m, ...s.flatMap(messages)]
}

const ERROR = 2
