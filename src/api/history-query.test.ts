import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AGGREGATES } from '../historian/aggregates/catalogue.ts'
import { ApiError } from './errors.ts'
import { HISTORY } from './history-limits.ts'
import { historyQuery, joinQuery } from './history-query.ts'

const NOW = 1_769_846_400_000
const ASSET = 'acme/berlin/press'

const NAMES = [
  'on',
  'tags',
  'from',
  'to',
  'aggregate',
  'every',
  'limit',
  'points',
  'method',
  'format',
  'stepped',
  'tolerance',
  'treatUncertainAsBad',
  'percentDataBad',
  'percentDataGood',
  'slopedExtrapolation',
  '__proto__',
  'x',
]

const values = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '1',
    '0',
    '-1',
    '1e9',
    '1000000000',
    '99999999999999999999',
    '1m',
    '0.5ms',
    '1h',
    'true',
    'lttb',
    'csv',
  ),
  fc.constantFrom('2026-01-31T08:00:00Z', '2126-01-31', 'now', 'NaN', '-1.5', '1769846400000.25', 'Infinity', '', ','),
  fc.constantFrom(...Object.keys(AGGREGATES)),
  fc.constantFrom(
    "x'; DROP TABLE a; --",
    'acme/berlin/oven:heat',
    'a/b:c,a/b:d',
    ':',
    'a:',
    '../..:x',
    '%00',
    '**',
    '(a+)+$',
  ),
  // The same parameter twice.
  fc.array(fc.string(), { maxLength: 3 }),
)

const queries = fc.dictionary(fc.constantFrom(...NAMES), values, { maxKeys: 6 })

test('whatever is asked, it is understood or refused by name, and what is understood is within the limits', () => {
  let understood = 0
  fc.assert(
    fc.property(queries, fc.boolean(), (query, ofAsset) => {
      const asked = refusedOr(() => historyQuery(query, NOW, ofAsset ? ASSET : undefined))
      const joined = refusedOr(() => joinQuery(query, NOW))
      for (const span of [asked, joined]) {
        if (span === undefined) continue
        understood++
        assert.ok(Number.isFinite(span.from) && Number.isFinite(span.to) && span.from !== span.to)
        assert.ok(Math.abs(span.to - span.from) <= HISTORY.spanMs)
      }
      if (asked?.kind === 'samples') assert.ok(asked.limit >= 1 && asked.limit <= HISTORY.page)
      if (asked?.kind === 'chart') assert.ok(asked.points >= 3 && asked.points <= HISTORY.chartPoints)
      if (asked?.kind === 'aggregates') assert.ok(asked.aggregates.every((name) => Object.hasOwn(AGGREGATES, name)))
      if (joined !== undefined) assert.ok(joined.tags.length >= 1 && joined.tags.length <= HISTORY.columns)
    }),
    { numRuns: 5_000 },
  )
  assert.ok(understood > 100, `${understood} were understood`)
})

function refusedOr<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    assert.ok(error.status === 400 && ['BAD_QUERY', 'BAD_PATH'].includes(error.code), `${error.status} ${error.code}`)
    assert.ok(error.message.length < 1_200, error.message)
    return undefined
  }
}

test('without times it is the last hour, and times may have fractions or lie before 1970', () => {
  const { from, to } = historyQuery({}, NOW, ASSET)
  assert.deepEqual([from, to], [NOW - 3_600_000, NOW])
  const precise = historyQuery({ from: '-0.125', to: '1769846400000.001' }, NOW, ASSET)
  assert.deepEqual([precise.from, precise.to], [-0.125, 1_769_846_400_000.001])
})
