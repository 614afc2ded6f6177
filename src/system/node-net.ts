import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import * as net from 'node:net'
import * as tls from 'node:tls'
import type { Address, Listener, Net, TlsIdentity, TlsTrust } from './net.ts'

/** How long the other end may take over its TLS handshake before its connection is closed. */
const HANDSHAKE_MS = 10_000

/** How long a connection of ours may be silent before the other end's machine is asked whether it still has it. */
const KEEP_ALIVE_MS = 10_000

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
  async connect(to, trust) {
    if (trust !== undefined) return connectSecurely(to, trust)
    const socket = net.connect({ host: to.host, port: to.port, noDelay: true })
    await once(socket, 'connect')
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
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

async function connectSecurely({ host, port }: Address, trust: TlsTrust): Promise<tls.TLSSocket> {
  const { ca, cert, key, pinned } = trust
  const name = trust.serverName ?? host
  const socket = tls.connect({
    host,
    port,
    // TLS names no addresses (RFC 6066, 3).
    ...(net.isIP(name) === 0 && { servername: name }),
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    minVersion: 'TLSv1.2',
    rejectUnauthorized: pinned === undefined,
    checkServerIdentity: (_, certificate) => tls.checkServerIdentity(name, certificate),
  })
  const late = setTimeout(() => socket.destroy(new Error(`no TLS handshake within ${HANDSHAKE_MS} ms`)), HANDSHAKE_MS)
  try {
    await once(socket, 'secureConnect')
    if (pinned !== undefined) checkPinned(socket, pinned)
  } finally {
    clearTimeout(late)
  }
  socket.setNoDelay(true)
  socket.setKeepAlive(true, KEEP_ALIVE_MS)
  return socket
}

function checkPinned(socket: tls.TLSSocket, pinned: string): void {
  if (socket.getPeerX509Certificate()?.fingerprint256 === new X509Certificate(pinned).fingerprint256) return
  socket.destroy()
  const error: NodeJS.ErrnoException = new Error('the certificate is not the one that is expected')
  error.code = 'ERR_TLS_CERT_NOT_PINNED'
  throw error
}

function listener(server: net.Server, at: Address): Listener {
  const { port } = server.address() as net.AddressInfo
  return {
    address: { host: at.host, port },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
