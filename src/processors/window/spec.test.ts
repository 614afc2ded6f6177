import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse, stringify } from 'yaml'
import { readingsOf, reading, run, T0 } from '../../../test/operators/rig.ts'
import { windowSpec } from './spec.ts'

const CONTEXT = { name: 'per-minute', site: 'acme/berlin' }

function topology(config: object) {
  return windowSpec.topology(windowSpec.config.parse(config), CONTEXT)
}

function faults(config: object): string[] {
  return (
    windowSpec.config.safeParse(config).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []
  )
}

test('the topology of the example, as text', () => {
  const { processors } = parse(windowSpec.example) as { processors: { 'per-minute': { window: object } } }
  const plain = JSON.stringify(topology(processors['per-minute'].window), (name, value: unknown) => {
    return name === 'operator' ? undefined : value
  })
  assert.equal(stringify(JSON.parse(plain)), GOLDEN)
})

const GOLDEN = `name: per-minute
stages:
  - name: window
    from:
      - topic: telemetry
        on:
          - press-shop/**
    steps:
      - name: window
        does: window
        with:
          shape:
            kind: tumbling
            size: 60000
            offset: 0
          tags:
            temperature:
              aggregates:
                - mean
                - max
                - timeAverage
            state:
              aggregates:
                - duration
            cycles:
              aggregates:
                - delta
              rollover: 65536
          limits:
            percentDataGood: 100
            percentDataBad: 100
          as: "{tag}.{aggregate}"
          lateMs: 10000
          onLate: side
          holdMs: 60000
          strict: true
`

test('names of derived tags are what the config says, whatever states are called', () => {
  const [one] = readingsOf(
    run(topology({ tumbling: '1m', tags: { state: 'duration', x: 'p95' }, as: '{tag}.{aggregate}.hourly' }), [
      reading(T0, { state: `${'x'.repeat(200)}\u0000`, x: 7 }),
    ]),
  )
  const [first, second] = Object.keys(one!.values)
  assert.deepEqual([first!.length, first!.startsWith('state.duration.xxx'), second], [128, true, 'x.p95.hourly'])
})

const FAULTS: [config: object, fault: RegExp][] = [
  [{ tags: { x: 'mean' } }, /it has none, want exactly one of tumbling, hopping, sliding, session/],
  [{ tumbling: '1m', sliding: '1m', tags: { x: 'mean' } }, /it has tumbling and sliding, want exactly one/],
  [{ tumbling: '1m', tags: { x: 'maen' } }, /Cannot use aggregate "maen": it is not known, did you mean "mean"\?/],
  [{ tumbling: '1m', tags: { x: 'p101' } }, /Cannot use aggregate "p101"/],
  [{ tumbling: '1m', tags: {} }, /tags: Cannot do without tags: want e.g. temperature: mean/],
  [{ tumbling: '0s', tags: { x: 'mean' } }, /tumbling: want more than 0/],
  [{ hopping: { size: '1m', every: '2m' }, tags: { x: 'mean' } }, /60000 ms begin every 120000 ms/],
  [{ hopping: { size: '1h', every: '1s' }, tags: { x: 'mean' } }, /want "every" between size \/ 100 and size/],
  [{ tumbling: '1s', hold: '7d', tags: { x: 'mean' } }, /hold through 604800 windows, want at most 10000/],
  [{ session: '5m', onLate: 'update', tags: { x: 'mean' } }, /onLate: Cannot update session windows/],
  [{ tumbling: '1m', as: '{tag}', tags: { x: 'mean' } }, /as: want a name with {tag} and {aggregate}/],
]

for (const [config, fault] of FAULTS) {
  test(`a config that cannot be is refused: ${String(fault)}`, () => {
    assert.match(faults(config).join('\n'), fault)
  })
}
