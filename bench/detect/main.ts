import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { readTable } from './ai4i.ts'
import { nabThroughHub, skabThroughHub, tablesIn, tepThroughHub } from './hub-anomaly.ts'
import { enginesThroughHub } from './hub-engines.ts'
import { ai4iThroughHub, batteriesThroughHub, carsThroughHub } from './hub-sets.ts'
import { isMet, tableOf, type Figure } from './result.ts'

/**
 * `npm run bench:detect`: what the processors find in public sets of data, each through a hub of its own: rows go in over HTTP
 * or MQTT with their own times, processors have their default settings, and what is scored lies in the log. Options take
 * other files of the same families; a set that is asked for is run alone.
 */
const DATA = '../shared/data'
const HELP = `npm run bench:detect -- [--ai4i FILE] [--cars FILE] [--battery FILE]... [--cmapss DIR [--set FD001]...] \\
  [--nab FILE... --windows FILE] [--skab DIR] [--tep DIR] [--json]

Without a set: all of them, from ${DATA}. Exits with 1 where a figure is not as wanted.`

const { values: options } = parseArgs({
  options: {
    ai4i: { type: 'string' },
    cars: { type: 'string' },
    battery: { type: 'string', multiple: true },
    cmapss: { type: 'string' },
    nab: { type: 'string', multiple: true },
    windows: { type: 'string', default: `${DATA}/nab/windows.json` },
    skab: { type: 'string' },
    tep: { type: 'string' },
    set: { type: 'string', multiple: true, default: [] },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const cells = ['B0005', 'B0006'].map((cell) => `${DATA}/battery/${cell}_discharge.csv.gz`)

/** By name: what is run, and the files that it needs. */
const SETS: { readonly [name: string]: { readonly files: readonly string[]; readonly run: () => Promise<Figure[]> } } =
  {
    ai4i: {
      files: [options.ai4i ?? `${DATA}/ai4i2020/ai4i2020_blocks_0-3.csv.gz`],
      run: async () => ai4iThroughHub(await readTable(SETS['ai4i']!.files[0]!)),
    },
    cars: {
      files: [options.cars ?? `${DATA}/connected-cars/car-sensor-data.csv.gz`],
      run: async () => carsThroughHub(await readTable(SETS['cars']!.files[0]!)),
    },
    battery: {
      files: options.battery ?? cells,
      run: () => batteriesThroughHub(SETS['battery']!.files),
    },
    nab: {
      files: options.nab ?? [`${DATA}/nab`],
      run: async () => nabThroughHub(options.nab ?? (await tablesIn(`${DATA}/nab`)), options.windows),
    },
    skab: {
      files: [options.skab ?? `${DATA}/skab/valve1`],
      run: () => skabThroughHub(SETS['skab']!.files[0]!),
    },
    tep: {
      files: [options.tep ?? `${DATA}/tep`],
      run: () => tepThroughHub(SETS['tep']!.files[0]!),
    },
    cmapss: {
      files: [options.cmapss ?? `${DATA}/cmapss`],
      run: () => enginesThroughHub(SETS['cmapss']!.files[0]!, options.set),
    },
  }

if (options.help) console.log(HELP)
else await main()

async function main(): Promise<void> {
  const asked = Object.keys(SETS).filter((name) => options[name as 'ai4i'] !== undefined)
  const figures: Figure[] = []
  for (const name of asked.length > 0 ? asked : Object.keys(SETS)) {
    const { files, run } = SETS[name]!
    const missing = files.find((file) => !existsSync(file))
    if (missing !== undefined) {
      console.error(`${name} is left out: ${missing} is not here`)
      if (asked.length > 0) process.exitCode = 1
      continue
    }
    figures.push(...(await run()))
  }
  if (options.json) console.log(JSON.stringify(figures.map((figure) => ({ ...figure, met: isMet(figure) ?? null }))))
  else for (const line of tableOf(figures)) console.log(line)
  if (figures.some((figure) => isMet(figure) === false)) process.exitCode = 1
}
