import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Quality, qualityName, severity } from './quality.ts'

test('the two high bits are the severity (OPC 10000-4 clause 7.39)', () => {
  assert.equal(severity(Quality.Good), 'good')
  assert.equal(severity(Quality.GoodNoData), 'good')
  assert.equal(severity(Quality.UncertainLastUsableValue), 'uncertain')
  assert.equal(severity(Quality.BadSensorFailure), 'bad')
  assert.equal(severity(0xffffffff), 'bad')
})

test('every code has the severity that its name says', () => {
  for (const [name, code] of Object.entries(Quality)) {
    assert.ok(name.toLowerCase().startsWith(severity(code)), name)
    assert.equal(qualityName(code), name)
  }
})

test('info and flag bits do not change the name, and an unknown code is shown as hex', () => {
  assert.equal(qualityName(0x808c0401), 'BadSensorFailure')
  assert.equal(qualityName(0x80ff0000), '0x80FF0000')
  assert.equal(qualityName(0x00ff0001), '0x00FF0001')
})
