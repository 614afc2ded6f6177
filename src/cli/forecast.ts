import { Command, InvalidArgumentError } from 'commander'
import type { ForecastRequest, ForecastStart, ForecastView } from '../api/contract-forecast.ts'
import type { JsonValue } from '../api/contract.ts'
import { printable } from '../system/printable.ts'
import { askHub, pageOf, type HubOptions } from './ask-hub.ts'
import { EXIT } from './failure.ts'
import { dataOption, jsonOption } from './options.ts'
import type { Done } from './program.ts'
import { table, terminal } from './terminal.ts'

interface ForecastOptions extends HubOptions {
  readonly set: { readonly [tag: string]: JsonValue }
  readonly horizon?: string
  readonly json?: boolean
}

/** A long one is worked out beside everything else. */
const PATIENCE_MS = 60_000

export const forecastCommand = (done: Done) =>
  new Command('forecast')
    .description(
      'ask a running hub how a machine goes on, as its model says: what it uses, what it reaches, which alarms come',
    )
    .argument('<asset>', 'full path of an asset whose model has a behaviour')
    .option('--set <tag=value>', 'what if: begins with this value; again for more tags', given, {})
    .option('--horizon <duration>', 'how far: "8h"; default: as the model says')
    .addOption(dataOption())
    .option('--page <url>', 'page of a hub, instead of the one of the data directory')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  millrace forecast acme/berlin/press-shop/line1/press7\n  millrace forecast acme/berlin/press-shop/line1/press7 --set setpoint=75 --horizon 24h\n  millrace forecast acme/berlin/press-shop/line1/press7 --json | jq .reaches\n\nNothing is changed by it. Exits with 1 where a value that it needs is stale, Bad or missing. A hub with `api.tokens` is\nasked with the token in MILLRACE_TOKEN.',
    )
    .action(async (asset: string, options: ForecastOptions) => done(await run(asset, options)))

/** `setpoint=60`, beside what was given before. */
function given(text: string, before: ForecastOptions['set']): ForecastOptions['set'] {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('want tag=value, as setpoint=60')
  return { ...before, [text.slice(0, at)]: valueOf(text.slice(at + 1)) }
}

/** JSON where it is some, else the text as it stands: `55`, `true`, `Idle`. */
function valueOf(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    return text
  }
}

async function run(asset: string, { set, horizon, json, ...options }: ForecastOptions): Promise<number> {
  const request: ForecastRequest = { asset, ...(horizon !== undefined && { horizon }), set }
  const view = await askHub<ForecastView>(await pageOf(options), '/api/v1/forecasts', request, PATIENCE_MS)
  if (json === true) terminal.out(JSON.stringify(view))
  else print(view)
  return EXIT.ok
}

function print(view: ForecastView): void {
  const title = `Forecast of ${view.asset}, ${timeText(view.from)} to ${timeText(view.to)}`
  terminal.out(terminal.style('bold', printable(title)))
  section('Ends with', ['tag', 'now', 'then', 'unit'], view.series.map(seriesRow))
  section(
    'In all',
    ['what', 'grows by', 'unit'],
    view.totals.map(({ name, value, unit }) => [name, rounded(value), unit]),
  )
  section(
    'Reaches',
    ['what', 'when', 'condition'],
    view.reaches.map((one) => [one.name, whenText(one), one.condition]),
  )
  section(
    'Alarms',
    ['alarm', 'priority', 'when', ''],
    view.alarms.map(({ alarm, priority, at, message }) => [alarm, priority, timeText(at), message]),
  )
  if (view.moreAlarms) terminal.out('  and more')
  if (view.basis.conditions.length > 0 && view.alarms.length === 0) terminal.out('\nNo alarm would come')
  section('Begins with', ['tag', 'value', 'unit', ''], view.basis.start.map(startRow))
  terminal.out('')
  terminal.out(printable(`A forecast, by the behaviour of ${view.basis.model}; not what the machine has said`))
  for (const assumption of view.basis.assumptions) terminal.out(printable(`  ${assumption}`))
}

type Cell = string | number | undefined

function section(title: string, heading: readonly string[], rows: readonly (readonly Cell[])[]): void {
  if (rows.length === 0) return
  terminal.out(`\n${terminal.style('bold', title)}`)
  const cells = [
    heading,
    ...rows.map((row) => row.map((one) => (typeof one === 'number' ? one : printable(one ?? '')))),
  ]
  for (const line of table(cells)) terminal.out(`  ${line}`)
}

function seriesRow({ tag, unit, points }: ForecastView['series'][number]): Cell[] {
  return [tag, rounded(points[0]![1]), rounded(points.at(-1)![1]), unit]
}

function startRow({ tag, value, unit, isSet, qualityName, sourceTime }: ForecastStart): Cell[] {
  const from = isSet ? 'set for this forecast' : `${qualityName}, of ${timeText(sourceTime!)}`
  return [tag, shownValue(value), unit, from]
}

function shownValue(value: JsonValue): string | number {
  if (typeof value === 'number') return rounded(value)
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function whenText({ at, afterMs }: ForecastView['reaches'][number]): string {
  return at === undefined ? 'not by then' : `${timeText(at)} (after ${hours(afterMs!)})`
}

function hours(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

function timeText(time: number): string {
  return new Date(time).toISOString()
}

function rounded(value: number): number {
  return Number(value.toPrecision(6))
}
