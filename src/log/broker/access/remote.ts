import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { isLoopbackHost } from '../../../system/net.ts'
import type { Remote } from './session.ts'

/** What a connection tells of the other end by itself. */
export function remoteOf(socket: Socket | TLSSocket): Remote {
  const host = (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '')
  if (!isSecure(socket)) return { host, private: isLoopbackHost(host) }
  // Node answers an empty object where no certificate was asked for, and a list where a name is there twice.
  const name: unknown = socket.authorized ? socket.getPeerCertificate().subject?.CN : undefined
  return { host, private: true, ...(typeof name === 'string' && { certificateName: name }) }
}

/** The name by which the other end has looked for us (RFC 6066, 3): the one that our certificate must have. */
export function nameAskedFor(socket: Socket | TLSSocket): string | undefined {
  return isSecure(socket) && typeof socket.servername === 'string' ? socket.servername : undefined
}

function isSecure(socket: Socket | TLSSocket): socket is TLSSocket {
  return 'encrypted' in socket
}
