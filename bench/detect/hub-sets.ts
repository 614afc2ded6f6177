import { basename } from 'node:path'
import { AI4I_CONDITIONS, ai4iRows, readTable, scoreRows, type Ai4iRow } from './ai4i.ts'
import { cellOf, endOf, type Cell } from './battery.ts'
import { carMessages, expectedCounts, WINDOW_MS } from './cars.ts'
import { DetectPlant, fullPath } from './plant.ts'
import type { Figure } from './result.ts'

/** Sets that need no past: each goes through a hub of its own, and is scored by what the hub has said. */

const BEGIN = 1_732_287_000_000
const HOUR_MS = 3_600_000

/** AI4I 2020 (UCI 601): three conditions against the failures of a milling machine. */
export async function ai4iThroughHub(csv: string): Promise<Figure[]> {
  const began = performance.now()
  const rows = ai4iRows(csv)
  const conditions = Object.entries(AI4I_CONDITIONS).map(
    ([name, when]) => `  ${name}: { condition: { on: mill/1, when: ${JSON.stringify(when)} } }`,
  )
  await using plant = await DetectPlant.start(conditions.join('\n'))
  await plant.send(
    'mill/1',
    rows.map(({ time: ts, values }) => ({ ts, values })),
  )
  await plant.end()
  const { f1, precision, recall, wrong } = scoreRows(rows, activeRows(rows, await plant.alarms()))
  const seconds = (performance.now() - began) / 1000
  const set = 'AI4I 2020, three conditions'
  return [
    { set, metric: 'F1', reached: f1, wanted: { least: 0.9 }, falseAlarms: `${wrong} of ${rows.length} rows`, seconds },
    { set, metric: 'precision', reached: precision, wanted: { least: 0.99 }, seconds },
    { set, metric: 'recall', reached: recall, seconds },
  ]
}

/** Rows at which one of the alarms is active; an alarm comes and goes at the time of a row. */
function activeRows(
  rows: readonly Ai4iRow[],
  transitions: readonly { readonly alarm: string; readonly action: string; readonly time: number }[],
): boolean[] {
  const byTime = Map.groupBy(transitions, ({ time }) => time)
  const active = new Set<string>()
  return rows.map(({ time }) => {
    for (const { alarm, action } of byTime.get(time) ?? []) {
      if (action === 'raise') active.add(alarm)
      if (action === 'clear') active.delete(alarm)
    }
    return active.size > 0
  })
}

/** Connected cars: messages per car and window of five minutes, over MQTT, against counts made from the table. */
export async function carsThroughHub(csv: string): Promise<Figure[]> {
  const began = performance.now()
  const messages = carMessages(csv)
  await using plant = await DetectPlant.start(
    '  per-car: { window: { on: "fleet/*", tumbling: 5m, tags: { speed: count } } }',
  )
  const rows = messages.map(({ car, time: ts, speed }) => ({ car, ts, values: { speed } }))
  // A window ends when something later comes, or when so much time has gone by; a last message of each car spares the wait.
  const end = Math.max(...messages.map(({ time }) => time)) + WINDOW_MS
  const last = [...new Set(messages.map(({ car }) => car))].map((car) => ({ car, ts: end, values: { speed: 0 } }))
  await plant.sendCars([...rows, ...last])
  await plant.end()
  const counted = (await plant.derived()).flatMap(({ asset, sourceTime, values }) =>
    sourceTime <= end ? [[`${asset.split('/').at(-1)} ${sourceTime}`, values['speed.count'] as number] as const] : [],
  )
  const expected = expectedCounts(messages)
  const right = counted.filter(([name, count]) => expected.get(name) === count).length
  const seconds = (performance.now() - began) / 1000
  const set = `connected cars, ${last.length} cars, ${messages.length} messages over MQTT`
  const wrong = counted.length - right + (expected.size - right)
  return [{ set, metric: `wrong of ${expected.size} windows`, reached: wrong, wanted: { most: 0 }, seconds }]
}

const LIMIT = 1.4
const HORIZON = 20
const SHARE = 0.8

/** Cells of NASA's ageing set: the cycle at which each ends, asked at 80 % of its life. */
export async function batteriesThroughHub(files: readonly string[]): Promise<Figure[]> {
  const began = performance.now()
  const cells = await Promise.all(
    files.map(async (file) => ({ name: /^[^_.]+/.exec(basename(file))![0], cell: cellOf(await readTable(file)) })),
  )
  await using plant = await DetectPlant.start(
    `  cells: { remaining-life: { on: "cells/*", tags: capacity, limit: { below: ${LIMIT} }, age: cycle, horizon: ${HORIZON} } }`,
  )
  for (const { name, cell } of cells) {
    const rows = cell.capacities.map((capacity, index) => ({
      ts: BEGIN + index * 4 * HOUR_MS,
      values: { cycle: index + 1, capacity },
    }))
    await plant.send(`cells/${name}`, rows)
  }
  await plant.end()
  const told = await plant.derived()
  const seconds = (performance.now() - began) / 1000
  return cells.flatMap(({ name, cell }) => {
    const end = endOf(cell, { value: LIMIT, side: 'below' })
    if (end === undefined) return [withoutEnd(name, cell, seconds)]
    const cycle = Math.floor(SHARE * end)
    const at = told.find(({ asset, values }) => asset === fullPath(`cells/${name}`) && values['life.age'] === cycle - 1)
    const left = at?.values['life.left']
    const reached = typeof left === 'number' ? Math.abs(cycle + left - end) : Infinity
    const set = `battery ${name}, ends at cycle ${end}`
    return [{ set, metric: `cycles of error at cycle ${cycle}`, reached, wanted: { most: 15 }, seconds }]
  })
}

/** A cell that lives on has no error; it is named, so that nobody believes it was scored. */
function withoutEnd(name: string, { capacities }: Cell, seconds: number): Figure {
  const set = `battery ${name}, has no end`
  const metric = `lowest capacity in ${capacities.length} cycles, never below ${LIMIT} Ah`
  return { set, metric, reached: Math.min(...capacities), seconds }
}
