import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TopologyDriver } from 'millrace/testing'
import power from './power.ts'

test('power is told for each reading that has voltage and current, with their quality', () => {
  const step = { name: 'power', does: 'code', with: {}, operator: power.operator({ powerFactor: 1 }) }
  const driver = new TopologyDriver({
    name: 'power',
    stages: [{ name: 'code', from: [{ topic: 'telemetry' }], steps: [step] }],
  })
  const asset = 'acme/berlin/line1/drive1'
  const times = { sourceTime: 1_000, receivedTime: 1_010 }
  const send = (values: { [tag: string]: number }, quality?: { [tag: string]: number }) =>
    driver.send({ kind: 'reading', reading: { asset, ...times, values, ...(quality && { quality }) } })
  const [said] = send({ voltage: 400, current: 10 })
  assert.equal(said?.fact.kind === 'reading' && said.fact.reading.values['power'], (Math.sqrt(3) * 4000) / 1000)
  const [doubtful] = send({ voltage: 400, current: 10 }, { current: 0x40000000 })
  assert.deepEqual(doubtful?.fact.kind === 'reading' && doubtful.fact.reading.quality, { power: 0x40000000 })
  assert.deepEqual(send({ voltage: 400 }), [])
})
