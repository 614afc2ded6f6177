import type { Learned, Learner } from '../../component/processor.ts'
import type { Json } from '../../model/json-value.ts'
import { rowSettings, type RemainingLifeConfig } from './config.ts'
import { learnLife, type FailedUnit } from './learn.ts'
import type { ModelFile } from './model-file.ts'
import { isEnd } from './operator.ts'
import { LifeRows, type LifeRow } from './rows.ts'

/** Numbers that are held at most, of all lives together: 8 bytes each, so half a GB. */
const MOST_NUMBERS = 64_000_000

/**
 * Lives out of the past of a plant: from the first row, or the last maintenance, to a failure. Lives that ended with maintenance, or
 * have not ended, are let go.
 */
export function lifeLearner(config: RemainingLifeConfig): Learner {
  const settings = rowSettings(config)
  const open = new Map<string, { readonly rows: LifeRows; readonly life: LifeRow[] }>()
  const failed: LifeRow[][] = []
  let numbers = 0
  const keep = (life: LifeRow[], rows: readonly LifeRow[]) => {
    for (const row of rows) {
      if (life.length > 0 && row.at <= life.at(-1)!.at) continue
      life.push(row)
      numbers += settings.tags.length + 1
    }
    if (numbers > MOST_NUMBERS) throw tooMany(failed.length)
  }
  return {
    take(fact, time) {
      if (fact.kind === 'reading') {
        const { asset } = fact.reading
        let unit = open.get(asset)
        if (unit === undefined) open.set(asset, (unit = { rows: new LifeRows(settings), life: [] }))
        keep(unit.life, unit.rows.take(fact.reading, time))
      } else if (fact.kind === 'event' && isEnd(fact.event, config)) {
        const unit = open.get(fact.event.asset)
        if (unit === undefined) return
        keep(unit.life, unit.rows.end())
        open.delete(fact.event.asset)
        if (fact.event.type === config.failed) failed.push(unit.life)
        else numbers -= unit.life.length * (settings.tags.length + 1)
      }
    },
    learned: () => learned(failed, settings),
  }
}

function learned(lives: readonly (readonly LifeRow[])[], { tags, age, step }: ReturnType<typeof rowSettings>): Learned {
  const units: FailedUnit[] = lives.map((rows) => ({ rows }))
  const model = learnLife(units)
  const times = lives.flatMap((rows) => (rows.length === 0 ? [] : [rows[0]!.time, rows.at(-1)!.time]))
  const said = {
    units: model.units,
    rows: lives.reduce((sum, rows) => sum + rows.length, 0),
    from: new Date(Math.min(...times)).toISOString(),
    to: new Date(Math.max(...times)).toISOString(),
  }
  const file: ModelFile = {
    millrace: 'remaining-life',
    version: 1,
    tags,
    age: age ?? null,
    step,
    learned: said,
    model,
  }
  const { life, columns, regimes } = model
  const used = columns.map((column) => tags[column]!)
  return {
    file: file as unknown as Json,
    said: { ...said, life, unit: age ?? 'h', used, regimes: regimes.centres.length },
  }
}

function tooMany(lives: number): Error {
  const held = MOST_NUMBERS.toLocaleString('en-US')
  return new Error(
    `Cannot learn remaining life: after ${lives} lives there are over ${held} numbers, want fewer; set "step", or begin later`,
  )
}
