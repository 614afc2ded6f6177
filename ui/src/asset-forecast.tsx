import { useState } from 'preact/hooks'
import type { BehaviourView } from '../../src/api/contract-forecast.ts'
import type { JsonValue, ModelTagView, ModelView, TagView, TwinView } from '../../src/api/contract.ts'
import { useAnswer } from './answer.ts'
import { askForecasts, type Forecasted } from './forecast-call.ts'
import { ForecastAnswer } from './forecast-answer.tsx'
import { digitsFor, unitText, valueText } from './format.ts'
import { Problem } from './log-page.tsx'
import type { Store } from './store.ts'

/** How an asset goes on from now, as its model says, and with other values; only where its model says so. */
export function AssetForecast({ store, twin }: { readonly store: Store; readonly twin: TwinView }) {
  const { value } = useAnswer<{ readonly models: readonly ModelView[] }>('/api/v1/models', 0)
  const model = value?.models.find(({ id }) => id === twin.model)
  if (store.travel || model?.behaviour === undefined) return null
  return (
    <section class="card asset-forecast" aria-labelledby="forecast-title">
      <h2 id="forecast-title">Forecast</h2>
      <p class="hint">
        How it goes on from now, as the behaviour of {model.id} says. Nothing is sent to the machine, and nothing is
        stored.
      </p>
      <WhatIf twin={twin} model={model} behaviour={model.behaviour} />
    </section>
  )
}

interface WhatIfProps {
  readonly twin: TwinView
  readonly model: ModelView
  readonly behaviour: BehaviourView
}

const HORIZONS = ['1h', '8h', '24h', '7d'] as const

function WhatIf({ twin, model, behaviour }: WhatIfProps) {
  const [texts, setTexts] = useState<{ readonly [tag: string]: string }>({})
  const [horizon, setHorizon] = useState('')
  const [isAsking, setIsAsking] = useState(false)
  const [answer, setAnswer] = useState<Forecasted>()
  const tags = inputsOf(model, behaviour)
  const ask = async (event: Event) => {
    event.preventDefault()
    setIsAsking(true)
    const set = setOf(texts, tags)
    setAnswer(await askForecasts({ asset: twin.path, set, ...(horizon !== '' && { horizon }) }))
    setIsAsking(false)
  }
  return (
    <>
      <form class="forecast-form" onSubmit={(event) => void ask(event)}>
        {tags.map((tag) => (
          <TagInput
            key={tag.tag}
            tag={tag}
            now={twin.tags.find((one) => one.tag === tag.tag)}
            text={texts[tag.tag] ?? ''}
            onText={(text) => setTexts({ ...texts, [tag.tag]: text })}
          />
        ))}
        <label>
          <span>How far</span>
          <select value={horizon} onChange={({ currentTarget }) => setHorizon(currentTarget.value)}>
            <option value="">{behaviour.horizonMs / 3_600_000} h, as the model says</option>
            {HORIZONS.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <button class="button" type="submit" disabled={isAsking}>
          {isAsking ? 'Working it out' : 'Forecast'}
        </button>
      </form>
      <Problem text={answer?.problem} />
      {answer && !isAsking && 'whatIf' in answer && <ForecastAnswer asNow={answer.asNow} whatIf={answer.whatIf} />}
    </>
  )
}

/** What may be set: first what stays as it is, which is what people choose, then where the rest begins. */
function inputsOf(model: ModelView, { needs, tags }: BehaviourView): readonly ModelTagView[] {
  const order = [
    ...needs.filter((tag) => !Object.hasOwn(tags, tag)),
    ...needs.filter((tag) => Object.hasOwn(tags, tag)),
  ]
  return order.flatMap((name) => model.tags.find(({ tag }) => tag === name) ?? [])
}

/** Empty: as now. What is no number is sent as it is: the hub says what it wants. */
function setOf(texts: { readonly [tag: string]: string }, tags: readonly ModelTagView[]) {
  const given = tags.flatMap(({ tag, type }): [string, JsonValue][] => {
    const text = (texts[tag] ?? '').trim()
    if (text === '') return []
    if (type === 'boolean') return [[tag, text === 'true']]
    const number = Number(text.replace(',', '.'))
    return [[tag, type !== 'string' && Number.isFinite(number) ? number : text]]
  })
  return Object.fromEntries(given)
}

interface TagInputProps {
  readonly tag: ModelTagView
  readonly now: TagView | undefined
  readonly text: string
  readonly onText: (text: string) => void
}

function TagInput({ tag: { tag, type, unit, range, states }, now, text, onText }: TagInputProps) {
  const asNow = `as now${now === undefined || now.value === null ? '' : `: ${nowText(now)}`}`
  const choices = states ?? (type === 'boolean' ? ['true', 'false'] : undefined)
  const label = `${tag}${unit === undefined ? '' : `, ${unitText(unit)}`}`
  return (
    <label>
      <span>{label}</span>
      {choices ? (
        <select value={text} onChange={({ currentTarget }) => onText(currentTarget.value)}>
          <option value="">{asNow}</option>
          {choices.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      ) : (
        <input
          value={text}
          placeholder={asNow}
          inputMode={type === 'string' ? 'text' : 'decimal'}
          {...(range && { 'aria-description': `${range[0]} to ${range[1]}` })}
          onInput={({ currentTarget }) => onText(currentTarget.value)}
        />
      )}
    </label>
  )
}

function nowText({ value, range }: TagView): string {
  return valueText(value, typeof value === 'number' ? digitsFor(range ? { range } : {}, [value]) : 0)
}
