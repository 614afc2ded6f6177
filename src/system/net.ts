import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

export interface Address {
  readonly host: string
  readonly port: number
}

const LOOPBACK = '127.0.0.1'

/** A port, then on loopback, or `host:port` (`[::1]:1883`); undefined where it is neither. */
export function parseAddress(given: number | string): Address | undefined {
  if (typeof given === 'number') return { host: LOOPBACK, port: given }
  const match = /^(?:(\[[0-9a-fA-F:]+\]|[^:\s]+):)?(\d{1,5})$/.exec(given)
  if (!match || Number(match[2]) > 65535) return undefined
  return { host: (match[1] ?? LOOPBACK).replace(/^\[|\]$/g, ''), port: Number(match[2]) }
}

/** Whether a host, without brackets, is this machine only. A name such as 127.example.org is no address. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
}

/** PEM texts of a TLS listener; `ca` asks clients for a certificate that it signed (mTLS). */
export interface TlsIdentity {
  readonly key: string
  readonly cert: string
  readonly ca?: string
}

/**
 * Whom a TLS client believes, and what it shows of itself; PEM texts. Without `ca` the machine's own authorities are
 * trusted; `cert` and `key` make it mTLS.
 */
export interface TlsTrust {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  /** The name that the certificate must have, instead of the host that was dialled. */
  readonly serverName?: string
  /** Exactly this certificate, whoever signed it and whatever name it has: of a server whose certificate is at hand. */
  readonly pinned?: string
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
  /**
   * With `tls`: TLS 1.2 or newer, and the other end is whom we believe.
   * @throws a system error (ECONNREFUSED ...), or one of TLS (CERT_HAS_EXPIRED, ERR_TLS_CERT_ALTNAME_INVALID ...)
   */
  connect(to: Address, tls?: TlsTrust): Promise<Socket>
}
