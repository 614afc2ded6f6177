import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { machine } from '../src/cli/machine.ts'
import type { ViewEntry } from '../src/component/view.ts'
import { Catalogue } from '../src/model/catalogue.ts'
import type { TagDefinition } from '../src/model/definition.ts'
import { decodeRecord, encodeRecord } from '../src/model/record.ts'
import { Twins } from '../src/twins/twins.ts'

/**
 * Twins of many tags in a process of their own, so that its memory is theirs: prints one line of JSON. Each reading is a
 * record of its own text, decoded as the view does it, of one tag, the dearest way.
 */
const { values } = parseArgs({
  options: {
    assets: { type: 'string', default: '10000' },
    tags: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '5' },
  },
})
const [assets, tags, seconds] = [values.assets, values.tags, values.seconds].map(Number) as [number, number, number]
const TOGETHER = 500
const T0 = Date.now() - 3_600_000

const directory = await mkdtemp(join(tmpdir(), 'millrace-twins-'))
try {
  console.log(JSON.stringify(await measure()))
} finally {
  await rm(directory, { recursive: true, force: true })
}

async function measure() {
  const system = machine({ logLevel: 'error', logFormat: 'text' })
  const catalogue = new Catalogue()
  const twins = new Twins({ directory, catalogue, system, everyMs: 3_600_000 })
  await twins.open()
  globalThis.gc!()
  const empty = process.memoryUsage()
  define(catalogue)
  for (let tag = 0; tag < tags; tag++) for (let at = 0; at < assets; at += TOGETHER) take(twins, catalogue, at, tag, 0)
  globalThis.gc!()
  const full = process.memoryUsage()
  const perSecond = updates(twins, catalogue)
  // One that was due in between has begun already.
  await twins.save()
  twins.take({ topic: 't', partition: 0, entries: [], nextOffset: 0, skipped: 0 })
  const began = performance.now()
  await twins.save()
  const savedMs = performance.now() - began
  const bytes = full.heapUsed + full.external - empty.heapUsed - empty.external
  return {
    tags: assets * tags,
    bytesPerTag: bytes / (assets * tags),
    rssMb: full.rss / 2 ** 20,
    peakMb: process.resourceUsage().maxRSS / 1024,
    ...perSecond,
    savedMs,
  }
}

/** As a model does: one definition for all machines of it. */
function define(catalogue: Catalogue): void {
  const definition: TagDefinition = { type: 'number', kind: 'gauge', unit: 'Cel' }
  const declared = new Map(Array.from({ length: tags }, (_, tag) => [`tag${tag}`, definition] as const))
  for (let at = 0; at < assets; at++) catalogue.define({ path: pathOf(at), model: 'press@1', tags: declared })
}

/** Tags a second of CPU (the machine may have other work) that come out of records, and that twins alone take. */
function updates(twins: Twins, catalogue: Catalogue) {
  let taken = 0
  const spent = { decode: 0, take: 0 }
  const began = performance.now()
  for (let round = 1; performance.now() - began < seconds * 1000; round++) {
    const at = (round * TOGETHER) % assets
    const records = textsOf(at, round % tags, round)
    const begin = cpuMs()
    const entries = records.map((record, offset): ViewEntry => ({
      offset,
      source: 'line1',
      reading: decodeRecord(record, catalogue),
    }))
    const decoded = cpuMs()
    twins.take({ topic: 't', partition: 0, entries, nextOffset: round * TOGETHER, skipped: 0 })
    spent.decode += decoded - begin
    spent.take += cpuMs() - decoded
    taken += entries.length
  }
  return {
    decodedAndTaken: Math.round((taken / (spent.decode + spent.take)) * 1000),
    takenAlone: Math.round((taken / spent.take) * 1000),
  }
}

/** CPU time of this process, all its threads. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

function take(twins: Twins, catalogue: Catalogue, at: number, tag: number, round: number): void {
  const entries = textsOf(at, tag, round).map((record, offset) => ({
    offset,
    source: 'line1',
    reading: decodeRecord(record, catalogue),
  }))
  twins.take({ topic: 't', partition: 0, entries, nextOffset: entries.length, skipped: 0 })
}

function textsOf(from: number, tag: number, round: number): Buffer[] {
  const time = T0 + round
  const count = Math.min(TOGETHER, assets - from)
  return Array.from({ length: count }, (_, index) => {
    const record = {
      asset: pathOf(from + index),
      sourceTime: time,
      receivedTime: time + 3,
      values: { [`tag${tag}`]: round / 7 },
    }
    return Buffer.from(encodeRecord(record))
  })
}

function pathOf(at: number): string {
  return `acme/berlin/hall${at % 10}/press${at}`
}
