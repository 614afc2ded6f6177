import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { AnomalyDetector } from '../../src/processors/anomaly/detector.ts'
import { NAB_LOW_FALSE_NEGATIVES, NAB_LOW_FALSE_POSITIVES, scoreNab, scoreShifted, windowRows } from './nab.ts'
import { countRows, fairCuts, noRows, scoreRows, type RowCounts } from './skab.ts'
import { parseTime, readTable, type TableRow } from './table.ts'
import { scoreTepFault, shareOf } from './tep.ts'

/**
 * `node bench/detect/anomaly.ts [--nab FILE.. --windows FILE] [--skab DIR..] [--tep DIR]`: what the anomaly processor
 * finds in public sets of data, with its default settings on every file. Without options: what lies in `../shared/data`.
 * Three parts that know nothing of each other: files to rows, rows to flags and alarms, those to a score.
 */
const { values: options } = parseArgs({
  options: {
    nab: { type: 'string', multiple: true },
    windows: { type: 'string' },
    skab: { type: 'string', multiple: true },
    tep: { type: 'string' },
  },
})
const SKAB_TRAINING_ROWS = 400
const FAIR_DRAWS = 5
const TEP_INTERVAL_MS = 180_000
const DATA = join(import.meta.dirname, '../../../shared/data')
const all = options.nab === undefined && options.skab === undefined && options.tep === undefined

if (options.nab !== undefined || all) {
  const files = options.nab ?? (await filesIn(join(DATA, 'nab'), '.csv.gz'))
  await nab(files, options.windows ?? join(DATA, 'nab/windows.json'))
}
for (const folder of options.skab ?? (all ? [join(DATA, 'skab/valve1')] : [])) await skab(folder)
if (options.tep !== undefined || all) await tep(options.tep ?? join(DATA, 'tep'))

interface Run {
  readonly flags: boolean[]
  /** Rows that began an episode. */
  readonly alarms: number[]
}

function detect(rows: readonly TableRow[]): Run {
  const detector = new AnomalyDetector()
  const run: Run = { flags: [], alarms: [] }
  rows.forEach(({ time, values }, row) => {
    const { active, begins } = detector.row(time, values)
    run.flags.push(active)
    if (begins !== undefined) run.alarms.push(row)
  })
  return run
}

async function nab(files: readonly string[], windowsFile: string): Promise<void> {
  const labels = JSON.parse(await readFile(windowsFile, 'utf8')) as { [file: string]: [string, string][] }
  const scores: number[] = []
  for (const file of files) {
    const rows = await readTable(file, ',', 'timestamp')
    const name = basename(file).replace(/\.gz$/, '')
    const key = Object.keys(labels).find((key) => key === name || key.endsWith(`/${name}`))
    const times = (labels[key ?? ''] ?? []).map(([from, to]) => [parseTime(from), parseTime(to)] as const)
    const windows = windowRows(
      rows.map(({ time }) => time),
      times,
    )
    const { alarms } = detect(rows)
    const score = scoreNab(rows.length, alarms, windows)
    if (windows.length === 0) {
      console.log(`NAB ${name}: no windows, ${score.falsePositives} false alarms in ${rows.length} rows`)
      continue
    }
    scores.push(score.normalised)
    const shifted = scoreShifted(rows.length, alarms, windows, 40)
    const others = [NAB_LOW_FALSE_POSITIVES, NAB_LOW_FALSE_NEGATIVES].map(
      (profile) => scoreNab(rows.length, alarms, windows, profile).normalised,
    )
    console.log(
      `NAB ${name}: standard ${score.normalised.toFixed(1)}, low FP ${others[0]!.toFixed(1)}, low FN ${others[1]!.toFixed(1)},` +
        ` ${score.falsePositives} false alarms, windows ${score.windows.map((s) => s?.toFixed(2) ?? 'missed').join(' ')};` +
        ` the same alarms shifted: mean ${mean(shifted).toFixed(1)}, best ${Math.max(...shifted).toFixed(1)} of ${shifted.length}`,
    )
  }
  if (scores.length > 1) console.log(`NAB mean of ${scores.length} files: ${mean(scores).toFixed(1)}`)
}

async function skab(folder: string): Promise<void> {
  const plain = noRows()
  const fair = noRows()
  const random = seeded(1)
  const files = [...(await filesIn(folder, '.csv')), ...(await filesIn(folder, '.csv.gz'))]
  for (const file of files) {
    const table = await readTable(file, ';', 'datetime')
    const labels = table.map(({ values }) => values['anomaly'] === 1)
    const rows = table.map(({ time, values }) => ({ time, values: withoutLabels(values) }))
    countRows(plain, detect(rows).flags, labels, SKAB_TRAINING_ROWS)
    if (!labels.includes(true)) continue
    for (let draw = 0; draw < FAIR_DRAWS; draw++)
      for (const cut of fairCuts(labels, SKAB_TRAINING_ROWS, random)) {
        const run = detect(cut.map((row) => rows[row]!))
        const kept = cut.map((row) => labels[row]!)
        countRows(fair, run.flags, kept, SKAB_TRAINING_ROWS)
      }
  }
  console.log(`SKAB ${basename(folder)}, ${files.length} files: ${shown(plain)}; shifted starts: ${shown(fair)}`)
}

function withoutLabels(values: TableRow['values']): TableRow['values'] {
  return Object.fromEntries(Object.entries(values).filter(([name]) => name !== 'anomaly' && name !== 'changepoint'))
}

function shown(counts: RowCounts): string {
  const { f1, falseAlarmRate, missedRate } = scoreRows(counts)
  return `F1 ${f1.toFixed(3)}, false alarms ${percent(falseAlarmRate)}, missed ${percent(missedRate)}`
}

async function tep(folder: string): Promise<void> {
  const read = async (name: string) => {
    const file = join(folder, `${name}.csv`)
    return readTable(existsSync(file) ? file : `${file}.gz`, ',', TEP_INTERVAL_MS)
  }
  const normal = await read('d00')
  const flagsOf = async (name: string) => {
    const rows = [...normal, ...(await read(name))].map(({ values }, row) => ({ time: row * TEP_INTERVAL_MS, values }))
    return detect(rows).flags.slice(normal.length)
  }
  console.log(`TEP d00_te: false alarms ${percent(shareOf(await flagsOf('d00_te'), true))}`)
  const files = (await readdir(folder)).flatMap((file) => /^d(?!00)\d\d_te(?=\.csv)/.exec(file)?.[0] ?? []).sort()
  const scores = []
  for (const name of files) {
    const score = scoreTepFault(await flagsOf(name))
    scores.push(score)
    console.log(
      `TEP ${name}: missed ${score.missedRate.toFixed(3)}, false alarms before ${percent(score.falseAlarmRate)}, first flag after ${score.delay ?? 'never'} rows`,
    )
  }
  console.log(
    `TEP mean of ${files.length} faults: missed ${mean(scores.map(({ missedRate }) => missedRate)).toFixed(3)}, false alarms before ${percent(mean(scores.map(({ falseAlarmRate }) => falseAlarmRate)))}`,
  )
}

async function filesIn(folder: string, end: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(end))
  return names.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).map((name) => join(folder, name))
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

/** Park and Miller's generator: the same cuts in every run. */
function seeded(seed: number): () => number {
  let state = seed
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
}
