import type { Ending } from './client-connection.ts'

/** CONNACK, DISCONNECT and SUBACK codes that a person has to mend, in words (MQTT 3.1.1 3.2.2.3, MQTT 5 2.4). */
const FATAL: { readonly [code: number]: string } = {
  0x01: 'the broker does not speak this version of MQTT, want another "protocol"',
  0x02: 'the broker does not take this client id, want another "clientId"',
  0x04: 'wrong user name or password',
  0x05: 'not authorised',
  0x80: 'the broker refused, and does not say why',
  0x84: 'the broker does not speak this version of MQTT, want another "protocol"',
  0x85: 'the broker does not take this client id, want another "clientId"',
  0x86: 'wrong user name or password',
  0x87: 'not authorised',
  0x8a: 'the broker has banned this client',
  0x8c: 'the broker wants another way to authenticate',
  0x8e: 'another client took the session over, want a "clientId" of its own for each',
  0x8f: 'the broker does not take this topic filter',
  0x9c: 'the broker wants another server to be used',
  0x9d: 'the broker has moved for good',
  0x9e: 'the broker has no shared subscriptions',
  0xa2: 'the broker has no wildcard subscriptions',
}

/** Codes of TLS that no second try mends. */
const TLS_FAULT = /^(?:CERT_|ERR_TLS|ERR_SSL|ERR_OSSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH)/

const SYSTEM: { readonly [code: string]: string } = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the broker closed the connection',
  EPIPE: 'the broker closed the connection',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name of the host cannot be resolved now',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'the host does not answer',
}

/** Why a connection failed, in words for the person at the machine: from an error, or from a reason code of MQTT. */
export function refusalOf(cause: unknown): Ending {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : cause
  const words = cause instanceof Error ? cause.message : ''
  if (typeof code === 'number') {
    const known = FATAL[code]
    if (known !== undefined) return { reason: known, fatal: true }
    return { reason: words || `the broker says 0x${code.toString(16).padStart(2, '0')}`, fatal: false }
  }
  if (typeof code !== 'string') return { reason: words || 'the broker closed the connection', fatal: false }
  if (TLS_FAULT.test(code)) return { reason: `TLS failed: ${words || code} (${code})`, fatal: true }
  return { reason: SYSTEM[code] ?? (words || code), fatal: false }
}
