import { useMemo, useState } from 'preact/hooks'
import type { ForecastSeries, ForecastStart, ForecastView } from '../../src/api/contract-forecast.ts'
import type { ChartLine } from './chart-data.ts'
import { Chart } from './chart.tsx'
import { digitsFor, numberText, qualityText, unitText, valueText } from './format.ts'
import { useMedia } from './hooks.ts'

interface ForecastAnswerProps {
  readonly asNow: ForecastView | undefined
  readonly whatIf: ForecastView | undefined
}

/** A forecast as things are now, beside what would be if: dashed lines, what comes of each, and what both rest on. */
export function ForecastAnswer({ asNow, whatIf }: ForecastAnswerProps) {
  const cases = [asNow && { name: 'as now', view: asNow }, whatIf && { name: 'what if', view: whatIf }].filter(
    (one) => one !== undefined,
  )
  const main = (whatIf ?? asNow)!
  const [chosen, setChosen] = useState(main.series[0]!.tag)
  const narrow = useMedia('(max-width: 760px)')
  const lines = useMemo(() => cases.map(({ name, view }) => lineOf(name, view, chosen)), [asNow, whatIf, chosen])
  return (
    <div class="forecast-answer" data-lines={lines.length}>
      <div class="forecast-tags" role="group" aria-label="Tag of the forecast">
        {main.series.map(({ tag }) => (
          <button key={tag} class="chip" type="button" aria-pressed={tag === chosen} onClick={() => setChosen(tag)}>
            {tag}
          </button>
        ))}
      </div>
      <Chart lines={lines} from={main.from} to={main.to} height={narrow ? 220 : 280} onZoom={() => undefined} />
      <div class="forecast-cases">
        {cases.map(({ name, view }) => (
          <Case key={name} name={name} view={view} />
        ))}
      </div>
      <Basis view={main} />
    </div>
  )
}

function lineOf(name: string, { series }: ForecastView, chosen: string): ChartLine {
  const { tag, unit, points } = series.find((one) => one.tag === chosen) ?? series[0]!
  return {
    name: `Forecast of ${tag}, ${name}`,
    ...(unit !== undefined && { unit }),
    isStepped: false,
    isForecast: true,
    points: points.map(([time, value]) => ({ time, last: value, least: value, most: value, isBad: false })),
  }
}

function Case({ name, view }: { readonly name: string; readonly view: ForecastView }) {
  const { totals, reaches, alarms, series, from, basis } = view
  return (
    <section class="forecast-case" data-case={name}>
      <h3>Forecast, {name}</h3>
      <dl>
        {totals.map(({ name: total, value, unit }) => (
          <Row key={total} name={`${total} in all`} text={amount(value, unit)} />
        ))}
        {series.map((one) => (
          <Row key={one.tag} name={`${one.tag} at the end`} text={endText(one)} />
        ))}
        {reaches.map(({ name: reached, condition, at, afterMs }) => (
          <Row
            key={reached}
            name={reached}
            title={condition}
            text={at === undefined ? 'not by then' : `after ${whileText(afterMs!)}, ${timeText(at)}`}
          />
        ))}
        {alarms.slice(0, 10).map(({ alarm, at, priority, message }) => (
          <Row
            key={`${alarm} ${at}`}
            name={`alarm ${alarm}`}
            title={message}
            text={`${priority}, after ${whileText(at - from)}, ${timeText(at)}`}
          />
        ))}
        {alarms.length > 10 && <Row name="alarms" text={`and ${alarms.length - 10} more`} />}
        {alarms.length === 0 && basis.conditions.length > 0 && <Row name="alarms" text="none would come" />}
      </dl>
    </section>
  )
}

function Row({ name, text, title }: { readonly name: string; readonly text: string; readonly title?: string }) {
  return (
    <div {...(title !== undefined && { title })}>
      <dt>{name}</dt>
      <dd class="num">{text}</dd>
    </div>
  )
}

/** In words: a forecast without its basis would be a promise. */
function Basis({ view: { basis, from } }: { readonly view: ForecastView }) {
  return (
    <details class="forecast-basis" open>
      <summary>
        What this forecast rests on: {basis.model}, the values of {timeText(from)}
      </summary>
      <ul>
        {basis.assumptions.map((one) => (
          <li key={one}>{one}.</li>
        ))}
        <li>Begins with {basis.start.map(startText).join(', ')}.</li>
        {basis.conditions.length > 0 && <li>Alarms by {basis.conditions.join(', ')}.</li>}
      </ul>
      <ul class="forecast-equations">
        {Object.entries(basis.behaviour.tags).map(([tag, text]) => (
          <li key={tag}>
            {tag}: <code>{text}</code>
          </li>
        ))}
      </ul>
    </details>
  )
}

function startText({ tag, value, unit, isSet, qualityName }: ForecastStart): string {
  const shown = typeof value === 'number' ? amount(value, unit) : valueText(value, 0)
  return `${tag} ${shown} (${isSet ? 'set' : qualityText(qualityName!)})`
}

function endText({ unit, points }: ForecastSeries): string {
  return amount(points.at(-1)![1], unit)
}

function amount(value: number, unit: string | undefined): string {
  const digits = Math.min(2, digitsFor({}, [value]))
  return `${numberText(value, digits)} ${unitText(unit)}`.trim()
}

function whileText(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  if (minutes < 1) return `${Math.round(ms / 1_000)} s`
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

function timeText(time: number): string {
  return new Date(time).toLocaleString(undefined, { dateStyle: 'short', timeStyle: 'short' })
}
