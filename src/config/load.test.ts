import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { addressField, durationField, isLoopback, secretField } from '../component/fields.ts'
import type { SourceSpec } from '../component/source.ts'
import type { Secret } from '../system/secret.ts'
import { configSchema, loadPlant } from './load.ts'
import { ConfigError, formatProblem } from './problem.ts'
import type { Surroundings } from './references.ts'

/** A kind of source as the config sees it: its key and its schema. */
const spec: SourceSpec = {
  kind: 'radio',
  summary: 'A source that only has a config',
  config: z.strictObject({
    listen: addressField,
    password: secretField.optional(),
    silenceAfter: durationField.prefault('60s'),
  }),
  example: 'radio: { listen: 1883 }',
  describe: () => 'radio',
  create: () => assert.fail('a config is checked without starting anything'),
}

const nothing: Surroundings = { env: {}, readFile: async () => undefined }

const load = (text: string | Uint8Array, around = nothing) =>
  loadPlant(
    'plant.yaml',
    typeof text === 'string' ? Buffer.from(text) : text,
    { sources: [spec], processors: [], sinks: [] },
    around,
  )

async function problems(text: string | Uint8Array, around = nothing): Promise<string[]> {
  try {
    await load(text, around)
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.problems.map(formatProblem)
  }
  return assert.fail('the config was accepted')
}

test('a small config is read with its defaults', async () => {
  const plant = await load(`
site: acme/berlin
models:
  press@1:
    tags:
      temperature: { unit: Cel, range: [0, 120], staleAfter: 5s }
      state: { kind: state, states: packml }
      cycles: { kind: counter }
assets:
  hall/press{1..3}: { model: press@1 }
sources:
  cars: { radio: { listen: 1883 } }
`)
  assert.equal(plant.site, 'acme/berlin')
  assert.deepEqual(
    [...plant.assets],
    [1, 2, 3].map((n) => [`acme/berlin/hall/press${n}`, 'press@1']),
  )
  const tags = plant.models.get('press@1')!.tags
  assert.deepEqual(tags.get('temperature'), {
    type: 'number',
    kind: 'gauge',
    unit: 'Cel',
    range: [0, 120],
    staleAfterMs: 5000,
  })
  assert.equal(tags.get('state')!.type, 'string')
  assert.equal(tags.get('state')!.states!.length, 17)
  assert.deepEqual(plant.sources[0]!.config, { listen: { host: '127.0.0.1', port: 1883 }, silenceAfter: 60_000 })
  assert.deepEqual(plant.log, {
    kind: 'embedded',
    listen: { host: '127.0.0.1', port: 9092 },
    partitions: 4,
    retention: {},
    sync: { mode: 'ack' },
    security: { users: [] },
  })
  assert.ok(isLoopback(plant.api.listen))
})

test('assets have meta data, over that of their model, and relations, paired where ranges are', async () => {
  const plant = await load(`
site: acme/berlin
models:
  press@1: { tags: {}, meta: { maker: Presses Ltd, year: 2019 } }
assets:
  hall/press{1..2}: { model: press@1, meta: { year: 2024, rooms: [1, { a: true }] }, relations: { feeds: "hall/oven{1..2}" } }
  hall/oven{1..2}: { relations: { madeBy: acme/berlin/hall/press1, near: [hall/press2, hall] } }
  hall/press3: { model: press@1 }
  hall/door:
`)
  const meta = { maker: 'Presses Ltd', year: 2024, rooms: [1, { a: true }] }
  const ofOven = [
    { type: 'madeBy', target: 'acme/berlin/hall/press1' },
    { type: 'near', target: 'acme/berlin/hall/press2' },
    { type: 'near', target: 'acme/berlin/hall' },
  ]
  assert.deepEqual(Object.fromEntries(plant.about), {
    'acme/berlin/hall/press1': { meta, relations: [{ type: 'feeds', target: 'acme/berlin/hall/oven1' }] },
    'acme/berlin/hall/press2': { meta, relations: [{ type: 'feeds', target: 'acme/berlin/hall/oven2' }] },
    'acme/berlin/hall/oven1': { meta: {}, relations: ofOven },
    'acme/berlin/hall/oven2': { meta: {}, relations: ofOven },
    'acme/berlin/hall/press3': { meta: { maker: 'Presses Ltd', year: 2019 }, relations: [] },
  })
})

test('a log in Apache Kafka: with defaults, and with everything', async () => {
  const of = async (kafka: string) => (await load(`site: a/b\nlog: { kafka: ${kafka} }\n`)).log
  assert.deepEqual(await of('{ brokers: [k1, "k2:9094", "[::1]:9095"] }'), {
    kind: 'kafka',
    brokers: [
      { host: 'k1', port: 9092 },
      { host: 'k2', port: 9094 },
      { host: '::1', port: 9095 },
    ],
    partitions: 12,
    retention: {},
    compression: 'zstd',
  })
  const more = '{ brokers: [k], partitions: 3, replication: 3, minInSync: 2, rack: a, compression: none'
  assert.deepEqual(await of(`${more}, retention: { time: 1h, size: 1000 } }`), {
    kind: 'kafka',
    brokers: [{ host: 'k', port: 9092 }],
    partitions: 3,
    replication: 3,
    minInSync: 2,
    rack: 'a',
    compression: 'none',
    retention: { ms: 3_600_000, bytes: 1000 },
  })
})

const CASES: readonly (readonly [name: string, text: string | Uint8Array, ...wanted: string[]])[] = [
  ['empty', '', 'plant.yaml:1:1: Cannot read config: it is empty, want at least "site:"'],
  ['only a comment', '# nothing\n', 'Cannot read config: it is empty'],
  ['truncated', 'site: acme/berlin\nsources: { cars: { radio: {', 'Cannot read YAML'],
  [
    'tabs',
    'site: acme/berlin\nmodels:\n\tpress@1: {}\n',
    'plant.yaml:3:1: Cannot read YAML: Tabs are not allowed as indentation',
  ],
  ['duplicate keys', 'site: a/b\nsite: c/d\n', 'plant.yaml:2:1: Cannot read YAML: Map keys must be unique'],
  ['a scalar', 'hello', 'plant.yaml:1:1: Cannot read "": it is "hello", want object'],
  [
    'not UTF-8',
    Uint8Array.of(0x73, 0xff, 0xfe),
    'plant.yaml:1:1: Cannot read config: it is not UTF-8, want UTF-8 text',
  ],
  [
    '10 MB',
    new Uint8Array(10_000_000).fill(0x20),
    'plant.yaml:1:1: Cannot read config: it has 10000000 bytes, want at most 4194304',
  ],
  [
    'unknown key',
    'site: a/b\nsorces: {}\n',
    'plant.yaml:2:1: Cannot use "sorces": unknown key, want one of version, site, hub, log, models, assets, sources, processors, sinks, historian, replicate, commands, api; did you mean "sources"?',
  ],
  [
    'a relation to nothing',
    'site: a/b\nassets:\n  hall/press1:\n    relations:\n      feeds: [hall/press1, hall/prss2]\n  hall/press2:\n',
    'plant.yaml:5:28: Cannot relate to "hall/prss2": no asset or place of that name, want one of "assets"; did you mean "hall/press2"?',
  ],
  [
    'relations that do not pair',
    'site: a/b\nassets:\n  press{1..3}: { relations: { feeds: "press{1..2}" } }\n',
    'plant.yaml:3:38: Cannot relate to "press{1..2}": it stands for 2 assets, want 1 or 3, as many as its asset',
  ],
  [
    'a word that is none',
    'site: a/b\nassets:\n  press1: { relations: { "feeds it": press1 } }\n',
    'plant.yaml:3:26: Cannot use name "feeds it": want a word as in feeds',
  ],
  [
    'meta data that JSON has not',
    'site: a/b\nassets:\n  press1: { meta: { year: .inf } }\n',
    'plant.yaml:3:19: Cannot read "assets.press1.meta": "year" is no text, number, true, false, list or object of these, want one of them',
  ],
  [
    'thinning of what is out of order',
    'site: a/b\nreplicate:\n  cloud:\n    to: { kafka: { brokers: [k:9092] } }\n    thin: { "**:t": { deadband: 1 } }\n    catchUp: { order: fresh-first }\n',
    'plant.yaml:6:23: Cannot thin values that are carried fresh-first: they are out of order, want catchUp.order "in-order"',
  ],
  [
    'unknown key of a source',
    'site: a/b\nsources:\n  cars: { radio: { lisen: 1883, listen: 1883 } }\n',
    'plant.yaml:3:20: Cannot use "sources.cars.radio.lisen": unknown key, want one of listen, password, silenceAfter; did you mean "listen"?',
  ],
  [
    'unknown kind of source',
    'site: a/b\nsources:\n  cars: { radoi: {} }\n',
    'plant.yaml:3:11: Cannot use source kind "radoi": it is not known, want one of radio; did you mean "radio"?',
  ],
  ['two kinds', 'site: a/b\nsources:\n  cars: { radio: {}, tv: {} }\n', 'it has 2 kinds, want exactly one of radio'],
  ['future version', 'version: 2\nsite: a/b\n', 'plant.yaml:1:10: Cannot read "version": it is 2, want 1'],
  ['missing site', 'assets: {}\n', 'Cannot read "site": it is missing, want string'],
  ['bad site', 'site: acme\n', 'plant.yaml:1:7: Cannot use path "acme": it has 1 segments, want 2 to 12'],
  [
    'wrong unit of time',
    'site: a/b\nsources: { c: { radio: { listen: 1, silenceAfter: 10x } } }\n',
    'Cannot read duration "10x"',
  ],
  [
    'port out of range',
    'site: a/b\nsources: { c: { radio: { listen: 70000 } } }\n',
    'Cannot read "sources.c.radio.listen": it is 70000, want at most 65535',
  ],
  [
    'missing secret',
    'site: a/b\nsources: { c: { radio: { listen: 1, password: secret:car-key } } }\n',
    'plant.yaml:2:47: Cannot find secret "car-key": want the environment variable MILLRACE_SECRET_CAR_KEY or the file secrets/car-key',
  ],
  [
    'missing variable',
    'site: a/b\nsources: { c: { radio: { listen: 1, password: env:NOPE } } }\n',
    'Cannot find environment variable "NOPE": it is not set',
  ],
  [
    'a secret in the file',
    'site: a/b\nsources: { c: { radio: { listen: 1, password: hunter2 } } }\n',
    'Cannot take a secret from the config file itself: write secret:NAME or env:NAME',
  ],
  [
    'a secret with a path in its name',
    'site: a/b\nsources: { c: { radio: { listen: 1, password: "secret:../../etc/passwd" } } }\n',
    'Cannot use secret name "../../etc/passwd"',
  ],
  [
    'unknown model',
    'site: a/b\nmodels: { press@1: { tags: {} } }\nassets: { x: { model: pres@1 } }\n',
    'plant.yaml:3:23: Cannot use model "pres@1": no model of that name, want one of press@1; did you mean "press@1"?',
  ],
  [
    'an asset twice',
    'site: a/b\nassets: { "x{1..3}": {}, x2: {} }\n',
    'Cannot define asset "a/b/x2": it is there twice, want it once',
  ],
  ['bad template', 'site: a/b\nassets: { "x{3..1}": {} }\n', 'plant.yaml:2:22: Cannot expand'],
  ['a tag with a line break', 'site: a/b\nmodels: { press@1: { tags: { "a\\nb": {} } } }\n', 'has a control character'],
  [
    'a secret in a place that takes none is not repeated',
    'site: a/b\napi: { tokens: [hunter2] }\n',
    'plant.yaml:2:17: Cannot read "api.tokens.0": it is ***, want object',
  ],
  [
    'a log open to everybody',
    'site: a/b\nlog: { embedded: { listen: "0.0.0.0:9092" } }\n',
    'plant.yaml:2:28: Cannot listen on 0.0.0.0 for Kafka clients: others reach it, want "tls" and "users", or a loopback address',
  ],
  [
    'a Kafka without brokers',
    'site: a/b\nlog: { kafka: { brokers: [] } }\n',
    'plant.yaml:2:26: Cannot read "log.kafka.brokers"',
  ],
  [
    'a broker that is no address',
    'site: a/b\nlog: { kafka: { brokers: ["kafka://k:9092"] } }\n',
    'plant.yaml:2:27: Cannot read broker "kafka://k:9092": want "host:port", or a host',
  ],
  [
    'more copies to wait for than there are',
    'site: a/b\nlog: { kafka: { brokers: [k], replication: 2, minInSync: 3 } }\n',
    'plant.yaml:2:58: Cannot wait for 3 copies: there are 2, want minInSync up to replication',
  ],
  [
    'a key of the embedded log in that of Kafka',
    'site: a/b\nlog: { kafka: { brokers: [k], sync: ack } }\n',
    'plant.yaml:2:31: Cannot use "log.kafka.sync": unknown key, want one of brokers, partitions, replication',
  ],
  [
    'a name that only looks like loopback',
    'site: a/b\napi: { listen: "127.evil.example:8080" }\n',
    'Cannot listen on 127.evil.example for everybody',
  ],
  [
    'open to everybody',
    'site: a/b\napi: { listen: "0.0.0.0:8080" }\n',
    'Cannot listen on 0.0.0.0 for everybody: want at least one entry in "tokens", or a loopback address',
  ],
]

for (const [name, text, ...wanted] of CASES) {
  test(`bad config: ${name}`, async () => {
    const said = (await problems(text)).join('\n')
    for (const want of wanted) assert.ok(said.includes(want), `${said}\nwant: ${want}`)
  })
}

test('an anchor bomb is refused quickly', async () => {
  const levels = Array.from(
    { length: 12 },
    (_, i) => `l${i + 1}: &l${i + 1} [${Array.from({ length: 9 }, () => `*l${i}`).join(', ')}]`,
  )
  const said = await problems(`l0: &l0 lol\n${levels.join('\n')}\n`)
  assert.match(said[0]!, /Excessive alias count/)
})

test('everything wrong is named at once, in the order of the lines', async () => {
  const said = await problems('site: a/b\nlog: embeded\napi: { tokns: [] }\nmodels: { press: { tags: {} } }\n')
  assert.deepEqual(
    said.map((line) => line.split(':')[1]),
    ['2', '3', '4'],
  )
})

test('a byte order mark does no harm', async () => {
  assert.equal((await load('\ufeffsite: acme/berlin\n')).site, 'acme/berlin')
})

test('references are resolved, and a secret never prints itself', async () => {
  const around: Surroundings = {
    env: { CAR: 'from-env' },
    readFile: async (path) => (path === 'secrets/car-key' ? 'from-file\n' : undefined),
  }
  const read = async (reference: string) => {
    const plant = await load(`site: a/b\nsources: { c: { radio: { listen: 1, password: "${reference}" } } }\n`, around)
    return (plant.sources[0]!.config as { password: Secret }).password
  }
  const secret = await read('secret:car-key')
  assert.equal(secret.reveal(), 'from-file')
  assert.equal((await read('env:CAR')).reveal(), 'from-env')
  assert.equal(`${JSON.stringify({ secret })} ${String(secret)}`, '{"secret":"***"} ***')
})

test('__proto__ as a key is an unknown key and pollutes nothing', async () => {
  const said = await problems('site: a/b\n__proto__: { polluted: true }\n')
  assert.match(said[0]!, /unknown key/)
  assert.equal(({} as { polluted?: boolean }).polluted, undefined)
})

test('no text makes the loader throw anything but a ConfigError', async () => {
  const valid = 'site: acme/berlin\nsources:\n  c: { radio: { listen: 1883 } }\nassets: { "x{1..2}": {} }\n'
  const mutated = fc
    .tuple(fc.nat(valid.length), fc.nat(12), fc.string({ maxLength: 12, unit: 'binary' }))
    .map(([at, cut, insert]) => valid.slice(0, at) + insert + valid.slice(at + cut))
  await fc.assert(
    fc.asyncProperty(mutated, async (text) => {
      try {
        await load(text)
      } catch (error) {
        assert.ok(error instanceof ConfigError, `${String(error)} on ${JSON.stringify(text)}`)
        for (const problem of error.problems) assert.ok(problem.line >= 1 && problem.column >= 1)
      }
    }),
    { numRuns: 500 },
  )
})

test('the file format is a JSON Schema for editors', () => {
  const schema = configSchema({ sources: [spec], processors: [], sinks: [] }) as {
    properties: { [key: string]: unknown }
  }
  assert.deepEqual(Object.keys(schema.properties), [
    'version',
    'site',
    'hub',
    'log',
    'models',
    'assets',
    'sources',
    'processors',
    'sinks',
    'historian',
    'replicate',
    'commands',
    'api',
  ])
})

const PRESS = `
site: acme/berlin
models:
  press@1:
    tags: { setpoint: { range: [0, 100] }, state: { kind: state }, on: { type: boolean }, spectrum: { type: array } }
    commands:
`

test('write points are read with their defaults', async () => {
  const plant = await load(`${PRESS}
      setpoint: { tag: setpoint, range: [20, 80], interlock: "state != 'Execute'", ttl: 3s, secondPerson: true }
      start: { method: { name: Start, args: [{ name: speed, range: [0, 5] }] } }
      stop: { method: Stop }
`)
  const times = { ttlMs: 10_000, confirmMs: 5_000, approveMs: 600_000 }
  assert.deepEqual(
    [...plant.models.get('press@1')!.commands.values()],
    [
      {
        ...times,
        name: 'setpoint',
        tag: 'setpoint',
        range: [20, 80],
        interlock: "state != 'Execute'",
        ttlMs: 3_000,
        secondPerson: true,
      },
      { ...times, name: 'start', method: { name: 'Start', args: [{ name: 'speed', type: 'number', range: [0, 5] }] } },
      { ...times, name: 'stop', method: { name: 'Stop', args: [] } },
    ],
  )
})

test('a write point that does not fit its model is told with its line', async () => {
  const faults = await problems(`${PRESS}
      none: {}
      both: { tag: on, method: Start }
      away: { tag: setpont }
      wide: { tag: spectrum }
      flag: { tag: on, range: [0, 1] }
      word: { tag: state, oneOf: [1] }
      lock: { tag: setpoint, interlock: "stat != 'Execute'" }
      bare: { tag: setpoint, interlock: setpoint }
`)
  assert.deepEqual(
    faults.map((fault) => fault.replace(/^plant.yaml:/, '')),
    [
      '8:13: Cannot declare command "none": it has neither, want one of "tag" and "method"',
      '9:13: Cannot declare command "both": it has both, want one of "tag" and "method"',
      '10:20: Cannot declare command "away": the model has no tag "setpont", want one of its tags; did you mean "setpoint"?',
      '11:20: Cannot declare command "wide": tag "spectrum" is of type array, want boolean, number, int64, string',
      '12:31: Cannot declare command "flag": "range" is for a tag that is a number',
      '13:34: Cannot declare command "word": "oneOf" has to hold values of the type of its tag',
      '14:41: Cannot read expression "stat != \'Execute\'" at column 1: there is no tag "stat", want one of setpoint, state, on, spectrum; did you mean "state"?',
      '15:41: Cannot read expression "setpoint": it yields double, want true or false',
    ],
  )
})

test('requests through the log are asked in the name of a token that is there', async () => {
  const [fault] = await problems('site: acme/berlin\ncommands: { kafka: { as: mes } }\n')
  assert.match(fault!, /Cannot ask as "mes": no token has that name/)
})

test('a name of a token is a person, and there once', async () => {
  const tokens = '[{ name: ann, token: env:A }, { name: bob, token: env:A }, { name: ann, token: env:A }]'
  const around = { ...nothing, env: { A: 'secret-1' } }
  const [fault] = await problems(`site: acme/berlin\napi: { tokens: ${tokens} }\n`, around)
  assert.match(fault!, /Cannot have token "ann" twice: want one of each name/)
})

test('a behaviour is read with its defaults', async () => {
  const plant = await load(
    `site: a/b\nmodels: { press@1: { tags: { energy: {} }, behaviour: { tags: { energy: "energy + dt" } } } }`,
  )
  assert.deepEqual(plant.models.get('press@1')!.behaviour, {
    stepMs: 10_000,
    horizonMs: 28_800_000,
    tags: new Map([['energy', 'energy + dt']]),
    reaches: new Map(),
    totals: new Map(),
  })
})

test('a behaviour that does not fit the tags of its model is told with line and column', async () => {
  const text = `site: a/b
models:
  press@1:
    tags: { energy: {}, state: { kind: state } }
    behaviour:
      horizon: 1000d
      tags:
        energi: "energy"
        energy: "energie + 1.0"
      reaches:
        done: "energy"
      totals: { all: state }
`
  const found = await problems(text)
  assert.deepEqual(
    found.map((one) => one.replace(/^plant\.yaml:(\d+:\d+).*?(Cannot .{20}).*$/s, '$1 $2')),
    [
      '6:16 Cannot forecast so far: it ',
      '8:17 Cannot forecast tag "energi',
      '9:17 Cannot read expression "ene',
      '11:15 Cannot read expression "ene',
      '12:22 Cannot total tag "state": i',
    ],
  )
  assert.match((await problems(text.replace('1000d', '0s')))[0]!, /6:16.*above 0/s)
})
