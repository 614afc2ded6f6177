import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json } from '../../model/json-value.ts'
import { seededRandom, type Random } from '../../system/random.ts'
import { learnLife, type FailedUnit } from './learn.ts'
import { LearnedLife } from './learned-life.ts'
import type { LifeModel } from './life-model.ts'
import { outlook } from './prognosis.ts'

/**
 * Pumps with three sensors and two speeds that they change between at random. Wear begins at some time and grows
 * exponentially until it is 1; each pump has offsets of its own.
 */
function pump(random: Random): FailedUnit {
  const noise = () => random.next() + random.next() + random.next() - 1.5
  const onset = 40 + 80 * random.next()
  const growth = 0.04 + 0.03 * random.next()
  const offsets = [0, 1, 2].map(() => 0.05 * noise())
  const rows: { at: number; values: number[] }[] = []
  for (let row = 0; ; row += 1) {
    const wear = 0.05 * Math.exp(growth * (row - onset))
    if (wear > 1) return { rows }
    const speed = random.next() < 0.5 ? 1 : 3
    const sensors = offsets.map((offset, at) => speed * (10 + at) + offset + (at + 1) * wear * speed + 0.1 * noise())
    // Two hours a row.
    rows.push({ at: 100 + 2 * row, values: [speed, ...sensors, 42] })
  }
}

const random = seededRandom(1)
const fleet = Array.from({ length: 60 }, () => pump(random))
const others = Array.from({ length: 40 }, () => pump(random))
const model = learnLife(fleet)

test('what is learned is known by its parts', () => {
  assert.equal(model.regimes.centres.length, 2)
  assert.deepEqual(model.columns, [1, 2, 3])
  assert.equal(model.units, 60)
  const lives = fleet.map(({ rows }) => rows.at(-1)!.at - 100).sort((a, b) => a - b)
  assert.equal(model.life, lives[30])
})

test('new units: near the end within hours, and intervals hold the end about as often as they say', () => {
  let [asked, held, near, squares] = [0, 0, 0, 0]
  for (const { rows } of others) {
    const life = new LearnedLife(model)
    for (const { at, values } of rows) {
      life.take(at, values)
      const left = rows.at(-1)!.at - at
      if (life.age() < 20) continue
      const { low, median, high, failure } = outlook(life.ends()!, 20)
      asked += 1
      if (left >= low! && left <= high!) held += 1
      if (left > 40) continue
      near += 1
      squares += (median! - left) ** 2
      if (left <= 4) assert.ok(failure > 0.8, `fails within 20 h with ${failure} when ${left} h are left`)
    }
  }
  const coverage = held / asked
  assert.ok(coverage > 0.7 && coverage < 0.92, `intervals of 80 % hold ${coverage}`)
  assert.ok(Math.sqrt(squares / near) < 8, `error ${Math.sqrt(squares / near)} h in the last 40 h`)
})

test('the model is plain JSON, and learning is deterministic', () => {
  const again = JSON.parse(JSON.stringify(model)) as LifeModel
  assert.deepEqual(again, model)
  assert.deepEqual(learnLife(fleet), model)
  const asked = [model, again].map((one) => {
    const life = new LearnedLife(one)
    others[0]!.rows.slice(0, 70).forEach(({ at, values }) => life.take(at, values))
    return outlook(life.ends()!, 20)
  })
  assert.deepEqual(asked[1], asked[0])
})

test('restored it goes on bit by bit; maintenance makes it new', () => {
  const whole = new LearnedLife(model)
  let parted = new LearnedLife(model)
  others[1]!.rows.forEach(({ at, values }, row) => {
    if (row % 17 === 0) parted = LearnedLife.restore(model, JSON.parse(JSON.stringify(parted.save())) as Json)
    whole.take(at, values)
    parted.take(at, values)
    assert.deepEqual(outlook(parted.ends()!, 20), outlook(whole.ends()!, 20))
  })
  assert.equal(JSON.stringify(parted.save()), JSON.stringify(whole.save()))
  const worn = outlook(whole.ends()!, 20).median!
  whole.maintained()
  assert.equal(whole.ends(), undefined)
  others[2]!.rows.slice(0, 20).forEach(({ at, values }) => whole.take(5_000 + at, values))
  assert.equal(whole.age(), 38)
  assert.ok(outlook(whole.ends()!, 20).median! > worn + 50)
})

test('too few units, or none that changes, teach nothing', () => {
  assert.throws(() => learnLife(fleet.slice(0, 3)), {
    message: 'Cannot learn remaining life: 3 units have failed, want at least 4',
  })
  const still = { rows: [1, 2, 3].map((at) => ({ at, values: [7, NaN] })) }
  assert.throws(() => learnLife([still, still, still, still]), {
    message: 'Cannot learn remaining life: no value ever changes, want one that does',
  })
})
