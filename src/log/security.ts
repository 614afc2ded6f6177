import type { TlsTrust } from '../system/net.ts'
import type { Secret } from '../system/secret.ts'

/** How a client proves to a log whose log it is talking to, and who it is itself. Absent: plain, anonymous. */
export interface LogSecurity {
  readonly tls?: TlsTrust
  readonly sasl?: SaslCredentials
}

/** SASL (KIP-43, KIP-84, KIP-255). */
export type SaslCredentials = PasswordCredentials | TokenCredentials

interface PasswordCredentials {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
  readonly username: string
  readonly password: Secret
}

export interface TokenCredentials {
  readonly mechanism: 'OAUTHBEARER'
  /** A token that does not change, or how to get one. */
  readonly token: Secret | TokenEndpoint
  /** SASL extensions that some vendors want (KIP-342): `logicalCluster`, `identityPoolId`. */
  readonly extensions?: { readonly [name: string]: string }
}

/** Where tokens come from: OAuth 2 client credentials (RFC 6749 4.4). */
export interface TokenEndpoint {
  /** `https:` or `http:` */
  readonly endpoint: string
  readonly clientId: string
  readonly clientSecret: Secret
  readonly scope?: string
  /** PEM of the authority that signed the endpoint's certificate; without it the machine's own are trusted. */
  readonly ca?: string
}
