import { once } from 'node:events'
import * as net from 'node:net'
import * as tls from 'node:tls'
import type { Address, Listener, Net, TlsIdentity } from './net.ts'

/** How long a client may take over its TLS handshake before its connection is closed. */
const HANDSHAKE_MS = 10_000

/** The machine's own network. */
export const nodeNet: Net = {
  async listen(at, identity, accept) {
    const server = identity === undefined ? net.createServer({ noDelay: true }, accept) : secureServer(identity, accept)
    server.listen({ host: at.host, port: at.port, backlog: 4096 })
    await once(server, 'listening')
    // A connection that cannot be accepted (EMFILE) harms only itself.
    server.on('error', () => {})
    return listener(server, at)
  },
  async connect(to) {
    const socket = net.connect({ host: to.host, port: to.port, noDelay: true })
    await once(socket, 'connect')
    return socket
  },
}

function secureServer(identity: TlsIdentity, accept: (socket: tls.TLSSocket) => void): tls.Server {
  const { key, cert, ca } = identity
  const server = tls.createServer(
    {
      key,
      cert,
      ...(ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: true }),
      minVersion: 'TLSv1.2',
      handshakeTimeout: HANDSHAKE_MS,
      noDelay: true,
    },
    accept,
  )
  // A failed handshake harms only its own connection, and Node has already closed that.
  server.on('tlsClientError', () => {})
  return server
}

function listener(server: net.Server, at: Address): Listener {
  const { port } = server.address() as net.AddressInfo
  return {
    address: { host: at.host, port },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
