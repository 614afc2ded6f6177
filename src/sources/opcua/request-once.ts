import type { CallRequest, CallResponse, WriteRequest, WriteResponse } from 'node-opcua-client'
import { notSent, unknown, type NotAccepted } from '../../component/command-answer.ts'
import type { Clock } from '../../system/clock.ts'
import { unlessAborted } from '../../system/wait.ts'
import type { Link } from './link.ts'
import { refusalOf, type StatusLike } from './refusal.ts'

/** What came of a request. */
export type Reply<R> = { readonly kind: 'answer'; readonly response: R } | NotAccepted

export interface Sending {
  /** Monotonic time, ms: not to be sent any more from then on. */
  readonly deadline: number
  /** How long its answer is waited for, ms. */
  readonly answerMs: number
  readonly signal: AbortSignal
  readonly clock: Pick<Clock, 'monotonic' | 'after'>
}

interface Request {
  readonly write: { request: WriteRequest; response: WriteResponse }
  readonly call: { request: CallRequest; response: CallResponse }
}

/**
 * Sends a request that changes something, at most once, and says what came of it. The library's `write` and `call` send
 * again in a new session where the server has forgotten the old one, so they are passed by.
 *
 * Where no answer comes the connection is reset: what of the request still lies in buffers must not arrive when nobody
 * expects it any more.
 */
export async function requestOnce<K extends keyof Request>(
  link: Link,
  request: Request[K]['request'],
  { deadline, answerMs, signal, clock }: Sending,
): Promise<Reply<Request[K]['response']>> {
  if (signal.aborted) return notSent('This hub is stopping')
  if (!link.session.isChannelValid()) return notSent('The connection to the server is lost')
  if (link.wire.unsent > 0) return notSent('The server does not take what was sent to it before')
  const { promise, resolve } = Promise.withResolvers<Reply<Request[K]['response']>>()
  let isOpen = false
  const silent = unknown(`The server did not answer within ${answerMs / 1000} s`)
  const timer = clock.after(answerMs, () => resolve(silent))
  request.requestHeader.timeoutHint = answerMs
  // From here to the socket everything happens in this turn.
  if (clock.monotonic() >= deadline) resolve(notSent('Its time was over'))
  else {
    isOpen = true
    link.session['_performMessageTransaction'](request, (error, response) => {
      isOpen = false
      resolve(error ? faultOf(error) : { kind: 'answer', response: response as Request[K]['response'] })
    })
  }
  const reply = (await unlessAborted(promise, signal)) ?? unknown('This hub is stopping, and no answer had come')
  timer.cancel()
  if (isOpen) link.wire.reset()
  return reply
}

/** A ServiceFault says that nothing was done; anything else that ends the wait says nothing. */
function faultOf(error: Error & { response?: { responseHeader?: { serviceResult?: StatusLike } } }): NotAccepted {
  const status = error.response?.responseHeader?.serviceResult
  if (status !== undefined && status.value !== 0) return refusalOf(status, 'send the command')
  return unknown(`The connection ended before the server answered: ${error.message.trim()}`)
}
