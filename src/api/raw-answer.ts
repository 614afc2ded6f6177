import type { Socket } from 'node:net'
import type { Clock } from '../system/clock.ts'
import type { ProblemView } from './contract.ts'
import { ApiError } from './errors.ts'

/**
 * How long we go on reading after an answer that ends a connection: closing on unread bytes resets the connection,
 * and a client that is still sending would never see what we said.
 */
const LINGER_MS = 500

/** Answers bytes that never became a request. `code`: of Node's HTTP parser. */
export function answerBroken(code: string, socket: Socket, clock: Clock): void {
  if (code === 'ECONNRESET' || !socket.writable) socket.destroy()
  else answerRaw(socket, brokenRequest(code), clock)
}

/** Answers on the bare socket, where there is no request to reply to, and ends the connection. */
export function answerRaw(socket: Socket, problem: ApiError, clock: Clock): void {
  const body = JSON.stringify(view(problem))
  const headers = Object.entries({
    ...problem.headers,
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    'x-content-type-options': 'nosniff',
    connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  // A status line needs no reason phrase (RFC 9112 4).
  socket.end(`HTTP/1.1 ${problem.status} \r\n${headers.join('')}\r\n${body}`)
  socket.resume()
  const timer = clock.after(LINGER_MS, () => socket.destroy())
  socket.once('close', () => timer.cancel())
}

/** What a client sees of a problem. */
export function view({ code, message }: ProblemView): ProblemView {
  return { code, message }
}

function brokenRequest(code: string): ApiError {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new ApiError(
      431,
      'HEADERS_TOO_LARGE',
      'Cannot read the request: its headers are too large, want less of them',
    )
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new ApiError(
      408,
      'REQUEST_TIMEOUT',
      'Cannot read the request: it took too long to arrive, want it sent at once',
    )
  }
  return new ApiError(400, 'BAD_REQUEST', 'Cannot read the request: it is not HTTP/1.1, want it as RFC 9112 has it')
}
