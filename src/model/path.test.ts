import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePath, segmentFault, tagFault, topicName, under } from './path.ts'

test('a path has 2 to 12 segments', () => {
  assert.equal(parsePath('acme/berlin'), 'acme/berlin')
  const twelve = Array.from({ length: 12 }, (_, index) => `s${index}`).join('/')
  assert.equal(parsePath(twelve), twelve)
  assert.throws(() => parsePath('acme'), {
    code: 'BAD_PATH',
    message: 'Cannot use path "acme": it has 1 segments, want 2 to 12',
  })
  assert.throws(() => parsePath(`${twelve}/s12`), { message: /it has 13 segments, want 2 to 12$/ })
})

test('a path is NFC, so that one machine has one name', () => {
  assert.equal(parsePath('acme/mu\u0308nchen'), 'acme/m\u00fcnchen')
})

test('wildcards, separators, control characters and ways out of a place are no names', () => {
  for (const segment of ['', '.', '..', 'a+b', 'a#', 'a\0', 'a\nb', '\u007f', '\ud800', 'x'.repeat(129)]) {
    assert.throws(() => parsePath(`acme/${segment}`), { code: 'BAD_PATH' }, JSON.stringify(segment))
    assert.notEqual(segmentFault(segment), undefined)
  }
  assert.notEqual(segmentFault('a/b'), undefined)
  for (const segment of ['$sys', '__proto__', 'a b', '...', '日本', '<script>', 'x'.repeat(128)]) {
    assert.equal(parsePath(`acme/${segment}`), `acme/${segment}`)
  }
  const long = Array.from({ length: 9 }, () => 'x'.repeat(127)).join('/')
  assert.throws(() => parsePath(long), { message: /it has 1151 characters, want at most 1024$/ })
})

test('a tag may have dots, slashes and wildcards, but no control character', () => {
  for (const tag of ['temperature', 'motor.temperature', 'a/b', 'a+b#', '__proto__', 'x'.repeat(128)]) {
    assert.equal(tagFault(tag), undefined)
  }
  for (const tag of ['', 'x'.repeat(129), 'a\0', '\ud800']) assert.notEqual(tagFault(tag), undefined)
})

test('a topic is named after its site', () => {
  assert.equal(under('acme/berlin', 'line1/press7'), 'acme/berlin/line1/press7')
  assert.throws(() => under('acme/berlin', '../x'), { code: 'BAD_PATH' })
  assert.equal(topicName('acme/berlin', 'telemetry'), 'acme.berlin.telemetry')
})
