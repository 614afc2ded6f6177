import assert from 'node:assert/strict'
import { cp, mkdir, readdir, rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { HistoryError } from '../../src/historian/history-error.ts'
import { Historian, type HistorianOptions } from '../../src/historian/historian.ts'
import type {
  Bucket,
  HistoryExtent,
  HistorySample,
  HistorySamples,
  HistorySeries,
} from '../../src/historian/history-reader.ts'
import { LakeReader } from '../../src/historian/reader.ts'
import { Catalogue } from '../../src/model/catalogue.ts'
import type { LogFields } from '../../src/system/logger.ts'
import { seededRandom, type Random } from '../../src/system/random.ts'
import { listening, NEVER, optionsOf, recordsOf, SITE, startStore, temporary, until } from './kit.ts'
import { lakeHash } from './lake-content.ts'
import { MUTATIONS, one } from './mutations.ts'

/** Files that are mutated, over all rounds, at least. */
const COUNT = Number(process.env['LAKE_MUTATIONS'] ?? 100)
/** Of the first round; a round that failed is run again by its own seed, which its error names. */
const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9))

/** Files that are mutated in one round at most; how many, its seed says. */
const MOST_AT_ONCE = 8
const ROUND_MS = 60_000
const RECORDS = 900
const ASSETS = ['press1', 'press2'].map((name) => `${SITE}/${name}`)
const TAGS = ['a', 'state']
const RANGE = { from: Date.parse('2026-11-01T00:00:00Z'), to: Date.parse('2026-12-31T00:00:00Z') }
const MOMENTS = ['2026-11-28T00:10:00Z', '2026-11-30T01:00:00Z'].map(Date.parse)
/** Every day of the records is over, so that small files of it may be merged. */
const NOW = Date.parse('2027-01-10T00:00:00Z')

test(`T6: ${COUNT} files of a lake mutated: never a wrong answer in silence, and every answer as before in the end`, async (t) => {
  t.diagnostic(`SEED=${SEED}`)
  const whole = await stored()
  let mutated = 0
  let rounds = 0
  for (; mutated < COUNT; rounds++) {
    const seed = SEED + rounds
    const round = new Round(whole, seededRandom(seed))
    await withinMs(ROUND_MS, round.run()).catch((error: unknown) => {
      throw new Error(`SEED=${seed} LAKE_MUTATIONS=1: ${round.done.join('; ')}`, { cause: error })
    })
    mutated += round.done.length
  }
  t.diagnostic(`${mutated} files mutated in ${rounds} rounds`)
})

interface Whole {
  readonly directory: string
  readonly work: string
  readonly answers: Answers
  readonly hash: Awaited<ReturnType<typeof lakeHash>>
}

/** A lake of some files, closed, and what it answers. */
async function stored(): Promise<Whole> {
  const directory = await temporary()
  const historian = new Historian(settings(directory, false))
  await historian.open()
  await startStore(historian)
  for (let i = 0; i < 3; i++) {
    await recordsOf(RECORDS).feed(historian, RECORDS / 3)
    await historian.flush()
  }
  const answers = await ask(historian)
  await historian.close()
  const hash = await lakeHash(join(directory, 'lake'))
  assert.equal(hash.rows, 2 * RECORDS)
  assert.ok(Object.values(answers).every((answer) => !(answer instanceof HistoryError) && answer.length > 0))
  return { directory, work: await temporary(), answers, hash }
}

type Lines = { level: string; message: string; fields: LogFields }[]

function settings(directory: string, merges: boolean, lines: Lines = []): HistorianOptions {
  const plain = optionsOf(directory, { fileRows: merges ? 100_000 : 10, log: recordsOf(RECORDS).log() })
  const clock = { ...plain.system.clock, now: () => NOW }
  return { ...plain, system: { ...plain.system, clock, logger: listening(lines) } }
}

/** Some files of the lake are mutated while nobody has it open; then it is opened, asked, and asked again. */
class Round {
  readonly #whole: Whole
  readonly #random: Random
  readonly #lines: Lines = []
  /** What was mutated, and how. */
  readonly done: string[] = []

  constructor(whole: Whole, random: Random) {
    this.#whole = whole
    this.#random = random
  }

  async run(): Promise<void> {
    const { work, hash, answers } = this.#whole
    await rm(work, { recursive: true, force: true })
    await mkdir(work)
    await cp(join(this.#whole.directory, 'lake'), join(work, 'lake'), { recursive: true })
    await this.#mutate(join(work, 'lake'))
    const historian = new Historian(settings(work, this.#random.integer(2) === 0, this.#lines))
    try {
      await historian.open()
      await recordsOf(RECORDS).feed(historian)
      this.#judge(await ask(historian))
      // What no question met is found by turns, one file a minute: all of them now.
      await historian.inspect(await filesOf(join(work, 'lake')))
      await until('all samples', () => historian.status().samples === hash.rows)
      await until('the answers from before', async () => isDeepStrictEqual(await ask(historian), answers), 10_000)
      await historian.flush()
      await historian.close()
    } finally {
      await historian.abandon()
    }
    assert.deepEqual(await lakeHash(join(work, 'lake')), hash)
    assert.deepEqual(
      this.#lines.filter(({ message }) => message.startsWith('The store of history failed')),
      [],
    )
  }

  async #mutate(lake: string): Promise<void> {
    const names = await filesOf(lake)
    for (let left = 1 + this.#random.integer(MOST_AT_ONCE); left > 0; left--) {
      // Files that were mutated before may be gone.
      const name = one(names, this.#random)
      const others = names.filter((other) => other !== name)
      const how = one(Object.keys(MUTATIONS), this.#random)
      await MUTATIONS[how]!(name, { random: this.#random, others }).catch(onlyMissing)
      this.done.push(`${relative(lake, name)} ${how}`)
    }
  }

  /** What differs from before does so because of damage that was named, and lacks something: nothing in it is wrong. */
  #judge(now: Answers): void {
    const { answers } = this.#whole
    const isNamed = this.#lines.some(({ fields }) => fields['code'] === 'LAKE_DAMAGED')
    for (const [question, answer] of Object.entries(now)) {
      const want = answers[question]!
      if (isDeepStrictEqual(answer, want)) continue
      assert.ok(isNamed, `${question}: another answer, and nothing was said`)
      if (answer instanceof HistoryError) continue
      assert.ok(!(want instanceof HistoryError))
      assert.deepEqual(partsBeyond(answer, this.#known), [], `${question}: what is not so`)
    }
  }

  /** All that there is. */
  get #known(): readonly Part[] {
    return Object.values(this.#whole.answers).flatMap((answer) => (answer instanceof HistoryError ? [] : answer))
  }
}

/** Of an answer: a sample, whose limits are the same, or what a bucket says of those that it has. */
interface Part {
  readonly of: string
  readonly count: number
  readonly least: number
  readonly most: number
  /** All that was said. */
  readonly said: object
}

interface Answers {
  readonly [question: string]: readonly Part[] | HistoryError
}

/** Parts that say more than is known: of a sample that is not there, more samples, values beyond. */
function partsBeyond(answer: readonly Part[], known: readonly Part[]): Part[] {
  const limits = new Map(known.map((part) => [part.of, part]))
  return answer.filter(({ of, count, least, most }) => {
    const limit = limits.get(of)
    return limit === undefined || count > limit.count || least < limit.least || most > limit.most
  })
}

async function ask(historian: Historian): Promise<Answers> {
  const reader = new LakeReader(historian, new Catalogue())
  const tags = new Map(ASSETS.map((asset) => [asset, TAGS]))
  const questions: { [question: string]: () => Promise<Part[]> } = {
    extent: async () => extentParts(await reader.extent({}, NEVER)),
    after: async () => momentParts(await reader.after({ tags, time: MOMENTS[0]! }, NEVER)),
  }
  for (const asset of ASSETS) {
    questions[`read ${asset}`] = async () =>
      seriesParts(asset, await reader.read({ asset, tags: TAGS, ...RANGE }, NEVER))
    questions[`extent ${asset}`] = async () => extentParts(await reader.extent({ asset }, NEVER), asset)
  }
  for (const time of MOMENTS)
    questions[`before ${time}`] = async () => momentParts(await reader.before({ tags, time, goodOnly: true }, NEVER))
  for (const everyMs of [1_000, 3_600_000])
    questions[`buckets ${everyMs}`] = async () => {
      const series = await reader.buckets({ assets: ASSETS, tags: TAGS, ...RANGE, everyMs }, NEVER)
      return series.flatMap(({ asset, tag, buckets }) =>
        Array.from(buckets, (bucket) => bucketPart(`${asset} ${tag}`, everyMs, bucket)),
      )
    }
  const answers: { [question: string]: Answers[string] } = {}
  for (const [question, answer] of Object.entries(questions)) answers[question] = await answer().catch(onlyHistoryError)
  return answers
}

function seriesParts(asset: string, series: ReadonlyMap<string, HistorySeries>): Part[] {
  return [...series].flatMap(([tag, { samples }]) => samples.map((sample) => samplePart(asset, tag, sample)))
}

function momentParts(found: HistorySamples): Part[] {
  return [...found].flatMap(([asset, tags]) => [...tags].map(([tag, sample]) => samplePart(asset, tag, sample)))
}

function samplePart(asset: string, tag: string, said: HistorySample): Part {
  const value = `${JSON.stringify(said.value)} ${said.quality} ${said.receivedTime}`
  return { of: `${asset} ${tag} ${said.time} ${value}`, count: 1, least: 0, most: 0, said }
}

function bucketPart(of: string, everyMs: number, said: Bucket): Part {
  const { start, count, minimum = Infinity, maximum = -Infinity } = said
  return { of: `${of} ${start} ${everyMs}`, count, least: minimum, most: maximum, said }
}

function extentParts(said: HistoryExtent | undefined, asset = ''): Part[] {
  return said === undefined ? [] : [{ of: asset, count: said.samples, least: said.from, most: said.to, said }]
}

async function filesOf(lake: string): Promise<string[]> {
  const names = await readdir(lake, { recursive: true })
  return names
    .filter((name) => /\.(parquet|json)$/.test(name))
    .sort()
    .map((name) => join(lake, name))
}

function onlyHistoryError(error: unknown): HistoryError {
  if (error instanceof HistoryError) return error
  throw error
}

function onlyMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}

async function withinMs<T>(ms: number, work: Promise<T>): Promise<T> {
  const over = new AbortController()
  const late = sleep(ms, undefined, { signal: over.signal }).then(() => assert.fail(`not over after ${ms} ms`))
  try {
    return await Promise.race([work, late])
  } finally {
    over.abort()
  }
}
