import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reading, run, T0, told } from '../../../test/operators/rig.ts'
import { deriveSpec } from './spec.ts'

function topology(config: object) {
  return deriveSpec.topology(deriveSpec.config.parse(config), { name: 'energy', site: 'acme/berlin' })
}

test('power of voltage and current that come one by one, as long as both are known', () => {
  const facts = [
    reading(T0, { voltage: 400 }),
    reading(T0 + 1_000, { current: 10 }),
    reading(T0 + 2_000, { voltage: 410, state: 'Execute' }),
    reading(T0 + 61_000, { voltage: 400 }),
    reading(T0 + 61_001, { voltage: 400 }),
  ]
  const tags = { power: 'voltage * current', busy: 'state == "Execute"' }
  assert.deepEqual(told(run(topology({ tags }), facts)), [
    [0, { power: null }, { power: 0x809b0000 }],
    [1_000, { power: 4_000 }],
    [2_000, { power: 4_100, busy: true }],
    [61_000, { power: 4_000 }],
    [61_001, { power: null }, { power: 0x809b0000 }],
  ])
})

const FAULTS: [config: object, fault: RegExp][] = [
  [{ tags: {} }, /Cannot do without tags: want e\.g\. power/],
  [{ tags: { x: 'a +' } }, /tags\.x: Cannot read expression "a \+"/],
  [{ tags: { x: 'x + 1.0' } }, /Cannot derive from "x" in "x \+ 1\.0": it is derived here/],
]

for (const [config, fault] of FAULTS) {
  test(`a config that cannot be is refused: ${String(fault)}`, () => {
    const issues = deriveSpec.config.safeParse(config).error?.issues ?? []
    assert.match(issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n'), fault)
  })
}
