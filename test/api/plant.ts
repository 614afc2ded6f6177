import type { SourceView } from '../../src/api/contract.ts'
import type { MemoryHub, MemoryTag } from '../../src/api/memory-hub.ts'

const BAD_SENSOR = 0x808c0000
const OUT_OF_RANGE = 0x40940000

/** A plant of a good many machines in every state, for the page: `now` is the hub's wall time. */
export function fillPlant(hub: MemoryHub, now: number): void {
  hub.view = { ...hub.view, recordsPerSecond: 1284, startedAt: now - 3_600_000, log: EMBEDDED }
  hub.sourceViews = sources(now)
  for (let press = 1; press <= 12; press += 1) {
    hub.record(`acme/berlin/press-shop/line${Math.ceil(press / 4)}/press${press}`, pressTags(press), now)
  }
  for (let station = 1; station <= 3; station += 1) {
    hub.record(
      `acme/berlin/assembly/test-station${station}`,
      [{ tag: 'torque', value: 12.4, unit: 'N.m', range: [8, 16] }],
      now,
    )
  }
  for (let car = 1; car <= 25; car += 1) {
    hub.record(`acme/berlin/fleet/car${car}`, [{ tag: 'speed', value: 40 + car, unit: 'km/h', range: [0, 220] }], now)
  }
  hub.record(
    'acme/berlin/utilities/compressor',
    [{ tag: 'pressure', value: 6.82, unit: 'bar', range: [0, 10] }],
    now - 95_000,
  )
  hub.age('acme/berlin/utilities/compressor')
}

const EMBEDDED = {
  kind: 'embedded',
  address: '127.0.0.1:9092',
  durability: 'fsync',
  state: 'live',
  reason: 'Stores what is handed over',
  since: 0,
} as const

export function pressTags(press: number): MemoryTag[] {
  return [
    { tag: 'state', value: press === 5 ? 'Held' : 'Execute', kind: 'state' },
    { tag: 'temperature', value: 71.3 + press, unit: 'Cel', range: [0, 120] },
    press === 7
      ? { tag: 'vibration', value: null, unit: 'mm/s', range: [0, 12], quality: BAD_SENSOR }
      : { tag: 'vibration', value: 2.41, unit: 'mm/s', range: [0, 12] },
    press === 3
      ? { tag: 'pressure', value: 231.2, unit: 'bar', range: [0, 220], quality: OUT_OF_RANGE }
      : { tag: 'pressure', value: 181.6, unit: 'bar', range: [0, 220] },
    { tag: 'cycles', value: 1_284_812 + press, kind: 'counter' },
    { tag: 'scrap', value: 14, kind: 'counter' },
    { tag: 'energy', value: 10_482.75, unit: 'kW.h', kind: 'counter' },
    { tag: 'door.closed', value: true },
    { tag: 'recipe', value: { id: 'A-113', revision: 7 } },
  ]
}

function sources(now: number): SourceView[] {
  const book = {
    received: 48_120,
    stored: 48_118,
    quarantined: 0,
    dropped: 0,
    droppedBy: {},
    unacknowledged: 0,
    inFlight: 2,
  }
  const at = { since: now - 3_600_000, lastData: now, parts: [], rate: 402 }
  return [
    {
      ...at,
      name: 'press-line',
      kind: 'opcua',
      state: 'live',
      reason: 'Connected to opc.tcp://127.0.0.1:4840, 96 items',
      book: { ...book, source: 'press-line', lastSeq: 48_120, balanced: true },
    },
    {
      ...at,
      name: 'fleet',
      kind: 'mqtt',
      state: 'live',
      reason: 'Listening on 127.0.0.1:1883, 25 clients',
      rate: 880,
      parts: [{ name: 'car9', reason: 'Nothing came for 40 s' }],
      book: {
        ...book,
        source: 'fleet',
        lastSeq: 48_120,
        stored: 48_090,
        quarantined: 20,
        dropped: 8,
        droppedBy: { retained: 8 },
        balanced: true,
      },
    },
    {
      ...at,
      name: 'compressor',
      kind: 'opcua',
      state: 'down',
      reason: 'Cannot connect to opc.tcp://10.0.0.7:4840: connection refused',
      since: now - 95_000,
      lastData: now - 95_000,
      rate: 0,
      book: { ...book, source: 'compressor', lastSeq: 48_120, stored: 48_117, balanced: false },
    },
  ]
}
