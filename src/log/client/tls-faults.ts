/** Faults of TLS that no second try mends, in words. Anything else in a handshake is a connection that broke. */
export function tlsFault(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined
  const { code, message } = error
  const known = CERTIFICATE[code] ?? PATTERNS.find(([pattern]) => pattern.test(code))?.[1]
  if (known !== undefined) return `${known} (${message})`
  return /^(?:ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|CRL_)/.test(code) ? `TLS failed: ${message} (${code})` : undefined
}

const UNKNOWN_AUTHORITY = 'nobody we trust has signed its certificate, want its authority in "ca"'

const CERTIFICATE: { readonly [code: string]: string } = {
  CERT_HAS_EXPIRED: 'its certificate has expired, want a new one',
  CERT_NOT_YET_VALID: "its certificate is not valid yet, want a new one or this machine's clock corrected",
  CERT_REVOKED: 'its certificate has been revoked, want a new one',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is of another host, want the name it has as broker or "serverName"',
  ERR_TLS_CERT_NOT_PINNED: 'it is another server, want the one that was configured',
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
}

const PATTERNS: readonly [pattern: RegExp, words: string][] = [
  [/^ERR_SSL_WRONG_VERSION_NUMBER$|^ERR_SSL_PACKET_LENGTH_TOO_LONG$/, 'it does not speak TLS there, want its TLS port'],
  [/^ERR_SSL_.*(?:PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL)$/, 'it has no TLS of 1.2 or newer'],
  [/^ERR_SSL_.*ALERT.*(?:CERTIFICATE|UNKNOWN_CA|DECRYPT)/, 'it does not take our certificate, want "cert" and "key"'],
  [/^ERR_OSSL_|^ERR_TLS_INVALID_/, 'our own certificate or key cannot be used'],
]
