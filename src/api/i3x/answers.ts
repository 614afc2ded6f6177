import { gzip, gzipSync } from 'node:zlib'
import { promisify } from 'node:util'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ApiError } from '../errors.ts'

/** Problem details of i3X 1.0 ("Response Format", after RFC 9457), with the code of our table beside them. */
interface ResponseDetail {
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code?: string
}

/** What a handler answers: one result, or one for each id that was asked for. `detail`: only a part of it (206). */
export type Answer =
  | { readonly result: unknown; readonly detail?: string }
  | { readonly results: readonly Item[]; readonly detail?: string }

/** One of a bulk answer, keyed by what it was asked by. */
export type Item = Key &
  (
    | { readonly success: true; readonly result: unknown }
    | { readonly success: false; readonly responseDetail: ResponseDetail }
  )

type Key = { readonly elementId: string } | { readonly subscriptionId: string }

export function good(key: Key, result: unknown): Item {
  return { success: true, ...key, result }
}

/** What could not be done about one id, without failing the others ("Bulk Response"). */
export function bad(key: Key, problem: ApiError): Item {
  return { success: false, ...key, responseDetail: responseDetail(problem) }
}

/** Sends an answer in the standard's envelope. */
export async function sendAnswer(answer: Answer, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { detail, ...rest } = answer
  const success = !('results' in rest) || rest.results.every((item) => item.success)
  const cut = detail === undefined ? {} : { responseDetail: { title: 'Partial Content', status: 206, detail } }
  const body = Buffer.from(JSON.stringify({ success, ...rest, ...cut }))
  reply.code(detail === undefined ? 200 : 206).type(JSON_TYPE)
  reply.header('vary', 'accept-encoding')
  // "Transport & Encoding": where a client asks for gzip it has to be gzip.
  if (!asksForGzip(request)) return reply.send(body)
  return reply.header('content-encoding', 'gzip').send(await compress(body))
}

/** A refusal, or a fault of ours, in the standard's words. */
export function sendProblem(problem: ApiError, request: FastifyRequest, reply: FastifyReply): void {
  const body = Buffer.from(JSON.stringify({ success: false, responseDetail: responseDetail(problem) }))
  reply.code(problem.status).headers(problem.headers).type(JSON_TYPE).header('vary', 'accept-encoding')
  if (asksForGzip(request)) void reply.header('content-encoding', 'gzip').send(gzipSync(body))
  else void reply.send(body)
}

export function asksForGzip(request: FastifyRequest): boolean {
  const accepted = request.headers['accept-encoding'] ?? ''
  return /(?:^|[\s,])gzip(?!\s*;\s*q\s*=\s*0(?:\.0*)?\s*(?:,|$))/.test(accepted)
}

function responseDetail({ status, code, message }: ApiError): ResponseDetail {
  return {
    title: TITLES[status] ?? (status < 500 ? 'Bad Request' : 'Internal Server Error'),
    status,
    detail: message,
    code,
  }
}

const JSON_TYPE = 'application/json; charset=utf-8'
const compress = promisify(gzip)

const TITLES: { readonly [status: number]: string } = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  429: 'Too Many Requests',
  501: 'Not Implemented',
  503: 'Service Unavailable',
}
