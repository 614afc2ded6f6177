import type { ForecastRequest, ForecastView } from '../../src/api/contract-forecast.ts'
import type { ProblemView } from '../../src/api/contract.ts'

/** A forecast as things are now and, where something was set, what if; or why there is none. */
export type Forecasted =
  | { readonly asNow: ForecastView | undefined; readonly whatIf: ForecastView | undefined; readonly problem?: string }
  | { readonly problem: string }

/** One after the other: the hub works out few at a time. */
export async function askForecasts(request: ForecastRequest): Promise<Forecasted> {
  const { set = {}, ...plain } = request
  const isSet = Object.keys(set).length > 0
  const asNow = await ask(plain)
  if (!isSet) return 'problem' in asNow ? asNow : { asNow: asNow.view, whatIf: undefined }
  const whatIf = await ask(request)
  if ('problem' in whatIf) return whatIf
  // What is missing now may be what was set.
  if ('problem' in asNow) return { asNow: undefined, whatIf: whatIf.view, problem: `As now: ${asNow.problem}` }
  return { asNow: asNow.view, whatIf: whatIf.view }
}

async function ask(request: ForecastRequest): Promise<{ readonly view: ForecastView } | { readonly problem: string }> {
  try {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch('/api/v1/forecasts', { method: 'POST', headers, body: JSON.stringify(request) })
    if (answer.ok) return { view: (await answer.json()) as ForecastView }
    return { problem: ((await answer.json()) as ProblemView).message }
  } catch {
    return { problem: 'The hub does not answer' }
  }
}
