import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { Quality, qualityName } from '../../model/quality.ts'
import type { Value } from '../../model/reading.ts'
import { aggregate } from './aggregate.ts'
import { AGGREGATES, type AggregateName } from './catalogue.ts'
import { infoNames } from './info-bits.ts'
import type { RawValue } from './raw-value.ts'
import type { AggregatePoint } from './result.ts'
import type { AggregateRules } from './rules.ts'

/** The worked examples of the standard (OPC 10000-13 Annex A), as the OPC Foundation publishes them; see README.md beside them. */
const FOLDER = 'test/historian/opcua-part-13'

interface Row {
  readonly [column: string]: string
}

interface Expected {
  readonly time: string
  readonly value: string
  readonly status: string
}

test('every row of the tables of the standard is met, value and status', async () => {
  const [raw, expected] = [await rows('aggregates_raw.csv'), await rows('aggregates_expected_historian124.csv')]
  assert.equal(expected.length, 735)
  const groups = Map.groupBy(expected, ({ aggregate, historian, processing_interval_ms: every }) =>
    [aggregate, historian, every].join(),
  )
  assert.equal(groups.size, 37 + 37 + 11)
  const missed: object[] = []
  let met = 0
  for (const [group, wanted] of groups) {
    const { aggregate: name, historian, processing_interval_ms: every } = wanted[0]!
    const values = raw.filter((row) => row['historian'] === historian && row['time'] !== '').map(rawValue)
    const points = aggregate(values, {
      start: timeOf('12:00:00'),
      end: timeOf('12:01:40'),
      everyMs: Number(every),
      aggregates: [name as AggregateName],
      rules: rulesOf(wanted[0]!),
    }).get(name as AggregateName)!
    const got = points.map((point) => shown(name as AggregateName, point))
    got.forEach((one, nth) => {
      met++
      if (!isDeepStrictEqual(one, plain(wanted[nth]!))) missed.push({ group, got: one, wanted: plain(wanted[nth]!) })
    })
    assert.equal(got.length, wanted.length, group)
  }
  assert.deepEqual(missed, [])
  assert.equal(met, 735)
})

test('the tables have every aggregate there is', async () => {
  const expected = await rows('aggregates_expected_historian124.csv')
  assert.deepEqual(new Set(expected.map(({ aggregate }) => aggregate)), new Set(Object.keys(AGGREGATES)))
})

/** Rows that say something else than the text of the standard, or than each other. They are met as they are; see README.md beside them. */
const EXCEPTIONS = {
  'AnnotationCount counts raw values, not the annotations of the raw table': async () => {
    const noted = (await raw('Historian1')).map(({ note }) => note!.split('ANNOTATION:').length - 1)
    assert.equal(
      noted.reduce((sum, one) => sum + one, 0),
      4,
    )
    assert.deepEqual(await columnOf('AnnotationCount', 'Historian1', 'value'), ['1', '2', '1', '2', '1', '2', ''])
  },
  'of the bound after an Uncertain value, stepped Historian4 says Uncertain where sloped Historian2 says Bad':
    async () => {
      const bare = (rows: Row[]) => rows.map(({ time, status }) => [time, status])
      assert.deepEqual(bare(await raw('Historian4')), bare(await raw('Historian2')))
      const at = async (historian: string) => (await columnOf('DurationBad', historian, 'value'))[5]
      assert.deepEqual([await at('Historian2'), await at('Historian4')], ['3000', '0'])
      const percents = await Promise.all(
        ['PercentGood', 'PercentBad'].map((name) => columnOf(name, 'Historian4', 'value')),
      )
      assert.deepEqual(
        percents.map((values) => values[5]),
        ['70.003', '0'],
      )
    },
  'Count of one Uncertain value is Uncertain, though TreatUncertainAsBad is not set': async () => {
    const alone = (await raw('Historian1')).filter(({ time }) => time! >= '12:01:04' && time! < '12:01:20')
    assert.deepEqual(
      alone.map(({ status }) => status),
      ['Uncertain'],
    )
    assert.equal((await columnOf('Count', 'Historian1', 'status'))[4], 'UncertainDataSubNormal, Calculated')
  },
  'Average is never Partial, as everything else that overlaps the first or last value is': async () => {
    assert.equal((await columnOf('Average', 'Historian1', 'status'))[18], 'Good, Calculated')
    assert.equal(
      (await columnOf('TimeAverage', 'Historian1', 'status'))[18],
      'UncertainDataSubNormal, Calculated, Partial',
    )
  },
}

for (const [name, shows] of Object.entries(EXCEPTIONS)) test(`exception: ${name}`, shows)

async function raw(historian: string): Promise<Row[]> {
  return (await rows('aggregates_raw.csv')).filter((row) => row['historian'] === historian)
}

async function columnOf(aggregate: string, historian: string, column: string): Promise<string[]> {
  const expected = await rows('aggregates_expected_historian124.csv')
  return expected
    .filter((row) => row['aggregate'] === aggregate && row['historian'] === historian)
    .map((row) => row[column]!)
}

async function rows(file: string): Promise<Row[]> {
  const [head, ...lines] = (await readFile(`${FOLDER}/${file}`, 'utf8')).trimEnd().split('\n').map(cells)
  return lines.map((line) => Object.fromEntries(head!.map((name, nth) => [name, line[nth]!])))
}

/** Cells of a line; none of these files has a quote within quotes or a line break in a cell. */
function cells(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"([^"]*)"|([^,]*))/g)].map(([, quoted, plain]) => quoted ?? plain!)
}

const STATUS: { readonly [text: string]: number } = {
  Good: Quality.Good,
  Uncertain: Quality.Uncertain,
  Bad: Quality.Bad,
  Bad_NoData: Quality.BadNoData,
}

function rawValue({ time, value, status }: Row): RawValue {
  const parsed: { readonly [text: string]: Value | null } = { '': null, undefined: null, true: true, false: false }
  return {
    time: timeOf(time!),
    value: Object.hasOwn(parsed, value!) ? parsed[value!]! : Number(value),
    quality: STATUS[status!]!,
  }
}

function rulesOf(row: Row): AggregateRules {
  return {
    stepped: row['stepped'] === 'true',
    treatUncertainAsBad: row['treat_uncertain_as_bad'] === 'true',
    percentDataBad: Number(row['percent_bad']),
    percentDataGood: Number(row['percent_good']),
    slopedExtrapolation: row['sloped_extrapolation'] === 'true',
  }
}

function timeOf(text: string): number {
  return Date.parse(`2012-01-02T${text}Z`)
}

function plain({ time, value, status }: Row): Expected {
  return {
    time: time!,
    value: value === '' || Number.isNaN(Number(value)) ? value! : String(Number(value)),
    status: status!,
  }
}

/** A result as the table writes it: three decimals, names of codes. */
function shown(name: AggregateName, { time, value, quality }: AggregatePoint): Expected {
  const codes = name === 'WorstQuality' || name === 'WorstQuality2'
  return {
    time: new Date(time).toISOString().slice(11, 23),
    value: value === null ? '' : codes ? qualityName(Number(value)) : String(Number(Number(value).toFixed(3))),
    status: [qualityName(quality), ...infoNames(quality)].join(', '),
  }
}
