import type { Secret } from '../system/secret.ts'

/** How a client proves to a log whose log it is talking to, and who it is itself. Absent: plain, anonymous. */
export interface LogSecurity {
  readonly tls?: LogTls
  readonly sasl?: SaslCredentials
}

/** PEM texts. Without `ca` the machine's own authorities are trusted; `cert` and `key` make it mTLS. */
export interface LogTls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  /** The name to check instead of the host that was dialled. */
  readonly serverName?: string
}

/** SASL (KIP-43, KIP-84, KIP-255). */
export type SaslCredentials =
  | {
      readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
      readonly username: string
      readonly password: Secret
    }
  | {
      readonly mechanism: 'OAUTHBEARER'
      /** A token that does not change, or how to get one (OAuth 2 client credentials, RFC 6749 4.4). */
      readonly token:
        | Secret
        | {
            readonly endpoint: string
            readonly clientId: string
            readonly clientSecret: Secret
            readonly scope?: string
          }
      /** SASL extensions that some vendors want (KIP-342): `logicalCluster`, `identityPoolId`. */
      readonly extensions?: { readonly [name: string]: string }
    }
