import { ExpressionError, parseExpression, type Expression } from '../component/expression/expression.ts'
import { pathMatcher } from '../model/path-pattern.ts'
import { nearest } from '../system/nearest.ts'
import type { LiveSelection } from './contract.ts'
import { ApiError } from './errors.ts'
import type { HubPort } from './hub-port.ts'
import { badQuery, PATH_LENGTH, shown } from './query.ts'
import { placeOf } from './values-query.ts'

/** Longest id of a model that is asked for, in UTF-16 code units. */
const MODEL_LENGTH = 256

/** What of the hub a selection looks at. */
export type SelectionPort = Pick<HubPort, 'hub' | 'modelOf' | 'models' | 'row'>

/** `unknown`: the condition cannot be told, because a value it needs is not there, is Bad, or is of another type. */
export type Verdict = 'taken' | 'left' | 'unknown'

/**
 * Which assets somebody wants: by a pattern of paths, by their model, by a condition in CEL over their values. All that is
 * named has to hold. A value that is stale counts as it is, one that is Bad is not known.
 */
export class Selection {
  /** The longest place that all of it lies in, in full. */
  readonly place: string
  readonly #hub: SelectionPort
  readonly #matches: (path: string) => boolean
  readonly #model: string | undefined
  readonly #where: Expression | undefined
  /** Why the condition could not take the values of an asset, the first time it could not. */
  #strange: string | undefined

  /**
   * `match`: below the site or in full, everything by default.
   * @throws ApiError `BAD_QUERY` or `BAD_EXPRESSION` saying what is wrong with it
   */
  constructor(hub: SelectionPort, wanted: { readonly [name in keyof LiveSelection]?: unknown }) {
    const { site } = hub.hub()
    const match = wanted.match === undefined ? '**' : patternOf(wanted.match)
    this.#hub = hub
    this.place = placeOf(site, match)
    this.#matches = pathMatcher(site, match)
    this.#model = wanted.model === undefined ? undefined : modelOf(hub, wanted.model)
    this.#where = wanted.where === undefined ? undefined : conditionOf(wanted.where)
  }

  get isConditional(): boolean {
    return this.#where !== undefined
  }

  get strange(): string | undefined {
    return this.#strange
  }

  /** Whether path and model are those; the values are not looked at. */
  mayTake(path: string): boolean {
    return this.#matches(path) && (this.#model === undefined || this.#hub.modelOf(path) === this.#model)
  }

  /** Whether the values are those, of an asset that it may take; `row`: other ones than those of now. */
  judge(path: string, row = this.#hub.row(path)): Verdict {
    if (this.#where === undefined) return 'taken'
    if (row === undefined) return 'unknown'
    try {
      const value = this.#where.evaluate(row)
      return value === undefined ? 'unknown' : value === true ? 'taken' : 'left'
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error
      this.#strange ??= error.message
      return 'unknown'
    }
  }
}

function patternOf(value: unknown): string {
  if (typeof value !== 'string' || value === '' || value.length > PATH_LENGTH)
    throw badQuery('match', `it is ${shown(value)}`, 'a pattern of assets, as in fleet/* or press-shop/**')
  return value.normalize('NFC')
}

function modelOf(hub: SelectionPort, value: unknown): string {
  if (typeof value !== 'string' || value.length > MODEL_LENGTH)
    throw badQuery('model', `it is ${shown(value)}`, 'the model of some assets, as in press@1')
  const models = [...hub.models()]
  if (models.includes(value)) return value
  const near = nearest(value, models)
  const meant = near === undefined ? '' : `; did you mean "${near}"?`
  throw badQuery('model', `no asset is of ${shown(value)}`, `one of ${shortList(models)}${meant}`)
}

function conditionOf(value: unknown): Expression {
  if (typeof value !== 'string') throw badQuery('where', `it is ${shown(value)}`, 'one condition over tags')
  try {
    return parseExpression(value, { yields: 'bool' })
  } catch (error) {
    if (error instanceof ExpressionError) throw new ApiError(400, error.code, error.message)
    throw error
  }
}

function shortList(models: readonly string[]): string {
  if (models.length === 0) return 'none: no asset has a model'
  return models.length > 10 ? `${models.slice(0, 10).join(', ')}, ...` : models.join(', ')
}
