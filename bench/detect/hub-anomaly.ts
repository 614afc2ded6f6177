import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { seededRandom } from '../../src/system/random.ts'
import { scoreNab, windowRows } from './nab.ts'
import { DetectPlant, fullPath, type Row } from './plant.ts'
import type { Figure } from './result.ts'
import { countRows, fairCuts, noRows, scoreRows } from './skab.ts'
import { parseTime, readTable, type TableRow } from './table.ts'
import { scoreTepFault, shareOf } from './tep.ts'

/** Sets of anomalies: every file is a machine of its own, watched by the anomaly processor with its default settings. */

/** A machine that is sent, and what its alarms have said of its rows. */
interface Watched {
  /** By row: an episode is under way. */
  readonly flags: boolean[]
  /** Rows that began one. */
  readonly alarms: number[]
}

/** Rows by name of the machine through one hub; answers the same names. */
async function watch(machines: ReadonlyMap<string, readonly TableRow[]>): Promise<Map<string, Watched>> {
  await using plant = await DetectPlant.start('  unusual: { anomaly: { on: "machines/*" } }')
  for (const [name, rows] of machines) await plant.send(`machines/${name}`, rows.map(rowOf))
  await plant.end()
  const byAsset = Map.groupBy(await plant.alarms(), ({ asset }) => asset)
  return new Map(
    [...machines].map(([name, rows]) => {
      const said = byAsset.get(fullPath(`machines/${name}`)) ?? []
      return [name, watched(rows, said)] as const
    }),
  )
}

function rowOf({ time, values }: TableRow): Row {
  return { ts: time, values }
}

function watched(
  rows: readonly TableRow[],
  transitions: readonly { readonly action: string; readonly time: number }[],
): Watched {
  const found: Watched = { flags: [], alarms: [] }
  let next = 0
  let active = false
  rows.forEach(({ time }, row) => {
    for (; transitions[next]?.time === time; next += 1) {
      const { action } = transitions[next]!
      active = action !== 'clear'
      if (action === 'raise') found.alarms.push(row)
    }
    found.flags.push(active)
  })
  if (next < transitions.length) throw new Error(`${transitions.length - next} alarms are of no row`)
  return found
}

/** NAB: the files of the folder, or one, with the windows of their anomalies; without any, every alarm is false. */
export async function nabThroughHub(files: readonly string[], windowsFile: string): Promise<Figure[]> {
  const began = performance.now()
  const labels = JSON.parse(await readFile(windowsFile, 'utf8')) as { [file: string]: [string, string][] }
  const tables = new Map<string, TableRow[]>()
  for (const file of files) tables.set(nameOf(file), await readTable(file, ',', 'timestamp'))
  const found = await watch(tables)
  const seconds = (performance.now() - began) / 1000
  let quietRows = 0
  let quietAlarms = 0
  const figures = [...tables].flatMap(([name, rows]): Figure[] => {
    const key = Object.keys(labels).find((one) => nameOf(one) === name)
    const times = (labels[key ?? ''] ?? []).map(([from, to]) => [parseTime(from), parseTime(to)] as const)
    const windows = windowRows(
      rows.map(({ time }) => time),
      times,
    )
    const { normalised, falsePositives } = scoreNab(rows.length, found.get(name)!.alarms, windows)
    if (windows.length > 0) {
      const falseAlarms = `${falsePositives} in ${rows.length} rows`
      return [
        {
          set: `NAB ${name}`,
          metric: 'score, standard',
          reached: normalised,
          wanted: { least: 75 },
          falseAlarms,
          seconds,
        },
      ]
    }
    quietRows += rows.length
    quietAlarms += falsePositives
    return []
  })
  if (quietRows === 0) return figures
  const budget = Math.ceil(quietRows / 4_000)
  const metric = `alarms in ${quietRows} rows without anomalies`
  return [...figures, { set: 'NAB, quiet series', metric, reached: quietAlarms, wanted: { most: budget }, seconds }]
}

const SKAB_TRAINING_ROWS = 400
const FAIR_DRAWS = 5
/** In percent. */
const SKAB_MOST_ALARMS = 25

/** SKAB: the experiments of a folder, as they are and with shifted starts. */
export async function skabThroughHub(folder: string): Promise<Figure[]> {
  const began = performance.now()
  const random = seededRandom(1)
  const machines = new Map<string, TableRow[]>()
  const truth = new Map<string, { readonly labels: boolean[]; readonly isFair: boolean }>()
  for (const file of await tablesIn(folder)) {
    const table = await readTable(file, ';', 'datetime')
    const labels = table.map(({ values }) => values['anomaly'] === 1)
    const rows = table.map(({ time, values }) => ({ time, values: withoutLabels(values) }))
    const add = (name: string, cut: readonly number[], isFair: boolean) => {
      machines.set(
        name,
        cut.map((row) => rows[row]!),
      )
      truth.set(name, { labels: cut.map((row) => labels[row]!), isFair })
    }
    add(nameOf(file), [...rows.keys()], false)
    if (!labels.includes(true)) continue
    for (let draw = 0; draw < FAIR_DRAWS; draw += 1) {
      fairCuts(labels, SKAB_TRAINING_ROWS, () => random.next()).forEach((cut, part) =>
        add(`${nameOf(file)}-${draw}-${part}`, cut, true),
      )
    }
  }
  const found = await watch(machines)
  const plain = noRows()
  const fair = noRows()
  for (const [name, { labels, isFair }] of truth)
    countRows(isFair ? fair : plain, found.get(name)!.flags, labels, SKAB_TRAINING_ROWS)
  const seconds = (performance.now() - began) / 1000
  const set = `SKAB ${basename(folder)}`
  const figuresOf = (rows: string, counts: typeof plain, least: number): Figure[] => {
    const { f1, falseAlarmRate, missedRate } = scoreRows(counts)
    const falseAlarms = `${percent(falseAlarmRate)} of rows, ${percent(missedRate)} missed`
    return [
      { set, metric: `F1 of ${rows}`, reached: f1, wanted: { least }, falseAlarms, seconds },
      { ...mostAlarms(set, `normal ${rows}`, falseAlarmRate, SKAB_MOST_ALARMS), seconds },
    ]
  }
  return [...figuresOf('rows', plain, 0.78), ...figuresOf('rows, shifted starts', fair, 0.81)]
}

/** Share of rows with an alarm where there is nothing: whoever cries always misses nothing. */
function mostAlarms(set: string, rows: string, share: number, most: number): Omit<Figure, 'seconds'> {
  return { set, metric: `% of ${rows}, with an alarm`, reached: 100 * share, wanted: { most } }
}

function withoutLabels(values: TableRow['values']): TableRow['values'] {
  return Object.fromEntries(Object.entries(values).filter(([name]) => name !== 'anomaly' && name !== 'changepoint'))
}

/** In percent. */
const TEP_MOST_ALARMS = 2
const TEP_INTERVAL_MS = 180_000
const TEP_BEGIN = 1_732_287_000_000

/** Tennessee Eastman: normal operation, then a test file; its fault comes after 160 rows. */
export async function tepThroughHub(folder: string): Promise<Figure[]> {
  const began = performance.now()
  const read = async (name: string) => {
    const file = join(folder, `${name}.csv`)
    return readTable(existsSync(file) ? file : `${file}.gz`, ',', TEP_INTERVAL_MS)
  }
  const normal = await read('d00')
  const names = (await readdir(folder)).flatMap((file) => /^d\d\d_te(?=\.csv)/.exec(file)?.[0] ?? []).sort()
  const machines = new Map<string, TableRow[]>()
  for (const name of names) {
    const rows = [...normal, ...(await read(name))]
    machines.set(
      name,
      rows.map(({ values }, row) => ({ time: TEP_BEGIN + row * TEP_INTERVAL_MS, values })),
    )
  }
  const found = await watch(machines)
  const flagsOf = (name: string) => found.get(name)!.flags.slice(normal.length)
  const scores = names.filter((name) => name !== 'd00_te').map((name) => scoreTepFault(flagsOf(name)))
  const mean = (of: (score: (typeof scores)[number]) => number) =>
    scores.reduce((sum, score) => sum + of(score), 0) / scores.length
  const before = mean(({ falseAlarmRate }) => falseAlarmRate)
  const seconds = (performance.now() - began) / 1000
  const set = `TEP, ${scores.length} faults`
  const missed = mean(({ missedRate }) => missedRate)
  const figures: Figure[] = [
    { set, metric: 'mean share of faulty rows that is missed', reached: missed, wanted: { most: 0.324 }, seconds },
    { ...mostAlarms(set, 'rows before the faults', before, TEP_MOST_ALARMS), seconds },
  ]
  if (!names.includes('d00_te')) return figures
  const normalRate = shareOf(flagsOf('d00_te'), true)
  return [...figures, { ...mostAlarms(set, 'rows of the normal file', normalRate, TEP_MOST_ALARMS), seconds }]
}

/** CSV files of a folder, packed or not, in the order of their numbers. */
export async function tablesIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => /\.csv(\.gz)?$/.test(name))
  return names.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).map((name) => join(folder, name))
}

function nameOf(file: string): string {
  return basename(file).replace(/\.csv(\.gz)?$/, '')
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}
