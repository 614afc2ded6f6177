import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

export interface Address {
  readonly host: string
  readonly port: number
}

/** PEM texts of a TLS listener; `ca` asks clients for a certificate that it signed (mTLS). */
export interface TlsIdentity {
  readonly key: string
  readonly cert: string
  readonly ca?: string
}

export interface Listener {
  /** Where it really listens (a configured port 0 is resolved here). */
  readonly address: Address
  /** Stops accepting; open connections are their owner's to close. */
  close(): Promise<void>
}

/** The network, as an argument. */
export interface Net {
  /** @throws a Node system error: EADDRINUSE, EACCES ... */
  listen(at: Address, tls: TlsIdentity | undefined, accept: (socket: Socket | TLSSocket) => void): Promise<Listener>
  connect(to: Address): Promise<Socket>
}
