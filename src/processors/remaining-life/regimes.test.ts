import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../system/random.ts'
import { findRegimes, regimeOf } from './regimes.ts'

const MODES = [
  [10, 0.2, 100],
  [25, 0.6, 60],
  [42, 0.8, 100],
]

/** Units whose third to fifth column wear; `modes` are the ways of running that they jump between. */
function fleet(modes: readonly (readonly number[])[]): Float64Array[][] {
  const random = seededRandom(1)
  const noise = () => random.next() + random.next() - 1
  return Array.from({ length: 12 }, () =>
    Array.from({ length: 120 }, (_, row) => {
      const mode = modes[random.integer(modes.length)]!
      const wear = Math.exp(row / 40) / 5
      const sensors = [1, 2, 3].map((factor) => mode[0]! * factor + factor * wear + 0.3 * noise())
      return Float64Array.from([mode[0]! + 0.01 * noise(), mode[1]!, mode[2]!, ...sensors, 7])
    }),
  )
}

test('ways of running that units jump between are found, and what is normal in each', () => {
  const units = fleet(MODES)
  const regimes = findRegimes(units)
  assert.equal(regimes.centres.length, 3)
  const found = regimes.normal.map(({ means }) => means.slice(0, 3).map((mean) => Number(mean.toFixed(1))))
  assert.deepEqual(
    found.sort((a, b) => a[0]! - b[0]!),
    MODES,
  )
  for (const row of units.flat()) {
    const { means } = regimes.normal[regimeOf(regimes, row)!]!
    assert.ok(Math.abs(means[0]! - row[0]!) < 0.1)
  }
})

test('wear alone makes no regimes', () => {
  const regimes = findRegimes(fleet([MODES[0]!]))
  assert.equal(regimes.centres.length, 1)
  assert.deepEqual([regimes.scales[6], regimes.normal[0]!.deviations[6]], [0, 0])
})

test('a row that is far from all regimes belongs to none; missing values do not matter', () => {
  const regimes = findRegimes(fleet(MODES))
  const row = fleet(MODES)[0]![0]!
  const known = regimeOf(regimes, row)
  assert.notEqual(known, undefined)
  assert.equal(
    regimeOf(
      regimes,
      row.map((value, column) => (column === 4 ? NaN : value)),
    ),
    known,
  )
  assert.equal(
    regimeOf(
      regimes,
      row.map((value) => value * 3),
    ),
    undefined,
  )
})
