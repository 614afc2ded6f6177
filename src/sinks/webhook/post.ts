import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { TlsTrust } from '../../system/net.ts'

export interface Posted {
  readonly status: number
  /** The beginning of the answer, for messages. */
  readonly text: string
}

export interface PostOptions {
  readonly headers: { readonly [name: string]: string }
  readonly timeoutMs: number
  readonly tls?: TlsTrust
  readonly signal: AbortSignal
}

/** Bytes of an answer that are read: enough to say what is wrong. */
const MOST_ANSWER = 1_000

/**
 * Posts a body. Redirects are not followed: where it goes is what the config says, and nothing that comes over the network can
 * change that.
 * @throws a system error, or one that says that the time was over
 */
export function post(url: URL, body: string, { headers, timeoutMs, tls, signal }: PostOptions): Promise<Posted> {
  const request = url.protocol === 'https:' ? requestHttps : requestHttp
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  const trust = tls && {
    ca: tls.ca,
    cert: tls.cert,
    key: tls.key,
    servername: tls.serverName,
    minVersion: 'TLSv1.2' as const,
  }
  return new Promise((resolve, reject) => {
    const length = String(Buffer.byteLength(body))
    const options = { method: 'POST', headers: { ...headers, 'content-length': length }, signal: limit, ...trust }
    const sent = request(url, options, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (part: string) => {
        if (text.length < MOST_ANSWER) text = (text + part).slice(0, MOST_ANSWER)
        else answer.destroy()
      })
      answer.on('close', () => resolve({ status: answer.statusCode ?? 0, text }))
      answer.on('error', reject)
    })
    sent.on('error', (error) =>
      reject(limit.aborted && !signal.aborted ? new Error(`no answer within ${timeoutMs} ms`) : error),
    )
    sent.end(body)
  })
}
