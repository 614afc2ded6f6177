import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Json } from '../model/json-value.ts'
import { parseDuration } from '../system/duration.ts'
import { badBody, jsonObject, refuseFields } from './body.ts'
import type { Desk, Route } from './desk.ts'
import { ApiError } from './errors.ts'
import type { ForecastQuery } from './forecast-port.ts'
import { assetPath, shown } from './query.ts'
import { untilGone } from './until-gone.ts'

const BODY_BYTES = 1 << 16

/** What if: a question, though it comes with a body; nothing is changed by it. */
export const FORECAST_ROUTES: readonly Route[] = [
  { method: 'POST', url: '/api/v1/forecasts', need: 'read', bodyBytes: BODY_BYTES, handle: forecast },
]

function forecast({ forecasts }: Desk, request: FastifyRequest, reply: FastifyReply) {
  const query = forecastQuery(request.body)
  if (forecasts !== undefined) return forecasts.forecast(query, untilGone(reply))
  throw new ApiError(404, 'NO_BEHAVIOUR', `Cannot forecast "${query.asset}": this hub forecasts nothing`)
}

/** @throws ApiError `BAD_BODY` naming the field */
function forecastQuery(body: unknown): ForecastQuery {
  const { asset, horizon, set, ...others } = jsonObject(body)
  refuseFields(others, 'asset, horizon or set')
  if (typeof asset !== 'string') throw badBody('asset', `it is ${shown(asset ?? null)}`, 'the full path of an asset')
  const horizonMs = typeof horizon === 'string' ? parseDuration(horizon) : undefined
  if (horizon !== undefined && !(horizonMs !== undefined && horizonMs > 0))
    throw badBody('horizon', `it is ${shown(horizon)}`, 'a duration above 0, as 8h')
  if (set !== undefined && !isObject(set)) throw badBody('set', `it is ${shown(set)}`, 'an object of values by tag')
  return {
    asset: assetPath(asset),
    ...(horizonMs !== undefined && { horizonMs }),
    set: new Map(Object.entries(set ?? {})),
  }
}

function isObject(value: unknown): value is { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
