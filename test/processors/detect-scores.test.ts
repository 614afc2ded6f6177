import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  NAB_LOW_FALSE_NEGATIVES,
  NAB_LOW_FALSE_POSITIVES,
  scoreNab,
  scoreShifted,
  windowRows,
} from '../../bench/detect/nab.ts'
import { countRows, fairCuts, noRows, scoreRows } from '../../bench/detect/skab.ts'
import { parseTable } from '../../bench/detect/table.ts'
import { scoreTepFault } from '../../bench/detect/tep.ts'

const close = (seen: number, expected: number) =>
  assert.ok(Math.abs(seen - expected) < 1e-9, `${seen}, want ${expected}`)

test('NAB: an alarm on the first row of a window is worth all, none is worth nothing', () => {
  assert.deepEqual(scoreNab(1000, [400], [[400, 499]]), { normalised: 100, falsePositives: 0, windows: [1] })
  assert.deepEqual(scoreNab(1000, [], [[400, 499]]), { normalised: 0, falsePositives: 0, windows: [null] })
})

test('NAB: a late alarm earns the sigmoid of its place in the window', () => {
  // Row 450 of 400..499: y = -(499 - 450 + 1) / 100 = -0.5; 2 / (1 + exp(-2.5)) - 1 = 0.8482836, over 0.9866143.
  const { normalised, windows } = scoreNab(1000, [450, 460], [[400, 499]])
  close(windows[0]!, 0.8482836399575129 / 0.9866142981514303)
  close(normalised, (100 * (windows[0]! + 1)) / 2)
})

test('NAB: a false alarm costs in full before the first window, less close behind one', () => {
  close(scoreNab(1000, [300, 400], [[400, 499]]).normalised, (100 * (2 - 0.11)) / 2)
  // Row 509: y = 10 / 99; 2 / (1 + exp(0.50505...)) - 1 = -0.2472854.
  close(scoreNab(1000, [400, 509], [[400, 499]]).normalised, (100 * (2 + 0.11 * (2 / (1 + Math.exp(50 / 99)) - 1))) / 2)
  assert.equal(scoreNab(1000, [300, 509], []).falsePositives, 2)
})

test('NAB: profiles weigh, and the first 15 % of the rows do not count', () => {
  close(scoreNab(1000, [300, 400], [[400, 499]], NAB_LOW_FALSE_POSITIVES).normalised, (100 * (2 - 0.22)) / 2)
  close(scoreNab(1000, [300], [[400, 499]], NAB_LOW_FALSE_NEGATIVES).normalised, (100 * (-2 - 0.11 + 2)) / 3)
  assert.equal(scoreNab(1000, [149], []).falsePositives, 0)
  assert.equal(scoreNab(1000, [150], []).falsePositives, 1)
})

test('NAB: shifted copies keep the number of alarms', () => {
  const scores = scoreShifted(1000, [400], [[400, 499]], 10)
  assert.equal(scores.length, 9)
  assert.ok(scores.every((score) => score < 1))
})

test('NAB: windows in time become the rows within', () => {
  assert.deepEqual(windowRows([0, 10, 20, 15, 30, 40], [[10, 30]]), [[1, 4]])
})

test('SKAB: rows are pooled behind the training part', () => {
  const counts = noRows()
  countRows(counts, [true, true, true, false, false], [false, true, false, true, false], 1)
  assert.deepEqual(counts, { truePositives: 1, falsePositives: 1, falseNegatives: 1, trueNegatives: 1 })
  assert.deepEqual(scoreRows(counts), { f1: 0.5, falseAlarmRate: 0.5, missedRate: 0.5 })
})

test('SKAB: the fairer cuts end before the anomaly, and move it', () => {
  const labels = Array.from({ length: 1100 }, (_, row) => row >= 570 && row < 975)
  const [before, moved] = fairCuts(labels, 400, () => 0.5)
  assert.deepEqual([before!.length, before!.at(-1)], [565, 564])
  assert.deepEqual([moved![399], moved![400], moved!.at(-1)], [399, 475, 884])
})

test('TEP: rows before the fault are false alarms, rows behind it missed', () => {
  const flags = [true, false, false, false, false, true, true, false]
  assert.deepEqual(scoreTepFault(flags, 4), { missedRate: 0.5, falseAlarmRate: 0.25, delay: 1 })
  assert.equal(scoreTepFault([false, false], 1).delay, null)
})

test('tables: time from a column in UTC, or from the row', () => {
  assert.deepEqual(parseTable('datetime;a\n1970-01-01 00:00:01;2\n', ';', 'datetime'), [
    { time: 1000, values: { a: 2 } },
  ])
  assert.deepEqual(parseTable('a,b\n1,2\n3,4\n', ',', 500)[1], { time: 500, values: { a: 3, b: 4 } })
})
