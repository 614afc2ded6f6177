import { z } from 'zod'
import {
  durationField,
  isLoopback,
  pemField,
  privateKeyField,
  secretField,
  tlsIdentityFields,
} from '../component/fields.ts'
import { isLoopbackHost, parseAddress, type Address, type TlsIdentity, type TlsTrust } from '../system/net.ts'
import type { Secret } from '../system/secret.ts'

/** TLS and SASL in the config file: of a Kafka that the log is in (`kafka`), and of the log's own listener (`embedded`). */

const trustField = z
  .union([
    z.literal(true).transform(() => ({})),
    z
      .strictObject({
        ca: pemField.optional().describe("Authority that signed the brokers' certificates; default: the machine's own"),
        cert: pemField.optional().describe('Our certificate, where brokers ask for one (mTLS)'),
        key: privateKeyField.optional(),
        serverName: z.string().min(1).optional().describe('Name to check instead of the host that is dialled'),
      })
      .refine(({ cert, key }) => (cert === undefined) === (key === undefined), {
        message: 'Cannot use half a certificate: want both "cert" and "key", or neither',
      }),
  ])
  .describe('true, or what to trust and to show; TLS 1.2 and newer')

const passwordLogin = z.strictObject({
  mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']),
  username: z.string().min(1),
  password: secretField,
})

const tokenEndpoint = z.strictObject({
  endpoint: z
    .url({ protocol: /^https?$/ })
    .refine((url) => url.startsWith('https:') || isLoopbackHost(new URL(url).hostname), {
      message: 'Cannot send a secret to it in the clear: want https:',
    })
    .describe('Where tokens come from (OAuth 2 client credentials)'),
  clientId: z.string().min(1),
  clientSecret: secretField,
  scope: z.string().min(1).optional(),
  ca: pemField.optional().describe("Authority of the endpoint's certificate; default: the machine's own"),
})

const tokenLogin = z.strictObject({
  mechanism: z.literal('oauthbearer'),
  token: z.union([secretField, tokenEndpoint]).describe('A token that does not change, or where to get one'),
  extensions: z
    .record(z.string().regex(/^(?!auth$)[A-Za-z]+$/, 'want letters'), z.string().regex(/^[\x20-\x7e]*$/, 'want ASCII'))
    .optional()
    .describe('SASL extensions that some vendors want: logicalCluster, identityPoolId'),
})

/** Fields of a Kafka that is somebody else's. */
export const kafkaSecurityFields = {
  tls: trustField.optional(),
  sasl: z.union([passwordLogin, tokenLogin]).optional().describe('How to log in'),
}

interface TrustFile {
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  readonly serverName?: string | undefined
}

interface KafkaSecurityFile {
  readonly brokers: readonly Address[]
  readonly tls?: TrustFile | undefined
  readonly sasl?: SaslFile | undefined
}

type SaslFile = z.output<typeof passwordLogin> | z.output<typeof tokenLogin>

/** A password or a token that everybody on the way could read is not sent. */
export function checkKafkaSecurity(kafka: KafkaSecurityFile, context: z.RefinementCtx): void {
  const { brokers, tls, sasl } = kafka
  if (sasl === undefined || tls !== undefined || sasl.mechanism.startsWith('scram') || brokers.every(isLoopback)) return
  const message = `Cannot log in by ${sasl.mechanism} in the clear: want "tls", or a SCRAM mechanism`
  context.addIssue({ code: 'custom', path: ['sasl', 'mechanism'], message })
}

/** What a client of a Kafka needs; absent: plain and anonymous. */
export interface KafkaSecurity {
  readonly tls?: TlsTrust
  readonly sasl?:
    | {
        readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
        readonly username: string
        readonly password: Secret
      }
    | {
        readonly mechanism: 'OAUTHBEARER'
        readonly token:
          | Secret
          | {
              readonly endpoint: string
              readonly clientId: string
              readonly clientSecret: Secret
              readonly scope?: string
              readonly ca?: string
            }
        readonly extensions?: { readonly [name: string]: string }
      }
}

export function readKafkaSecurity({ tls, sasl }: Omit<KafkaSecurityFile, 'brokers'>): KafkaSecurity | undefined {
  if (tls === undefined && sasl === undefined) return undefined
  return { ...(tls && { tls: given(tls) }), ...(sasl && { sasl: readSasl(sasl) }) }
}

const MECHANISMS = { plain: 'PLAIN', 'scram-sha-256': 'SCRAM-SHA-256', 'scram-sha-512': 'SCRAM-SHA-512' } as const

function readSasl(sasl: SaslFile): NonNullable<KafkaSecurity['sasl']> {
  if (sasl.mechanism !== 'oauthbearer') return { ...sasl, mechanism: MECHANISMS[sasl.mechanism] }
  const { token, extensions } = sasl
  const source = 'endpoint' in token ? given(token) : token
  return { mechanism: 'OAUTHBEARER', token: source, ...(extensions && { extensions }) }
}

/** Without the fields that are undefined. */
function given<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never
}

const patternField = z
  .string()
  .min(1)
  .max(249)
  .regex(/^[^*]*(?:\*[^*]*){0,2}$/, 'want a name with at most two "*"')

const userField = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(128)
    .regex(/^[^\p{Cc}]*$/u, 'want no control characters'),
  password: secretField
    .optional()
    .describe('Without it the user shows a client certificate that has the name as its common name'),
  can: z
    .array(z.enum(['read', 'write', 'admin']))
    .min(1)
    .default(['read'])
    .describe('read; write (which does not include reading); admin: both, and creating, changing, deleting'),
  topics: z.array(patternField).min(1).default(['*']).describe('Topics, "*" for any characters: ["acme.berlin.*"]'),
  groups: z.array(patternField).min(1).default(['*']).describe('Consumer groups; the same'),
})

/** Fields of the embedded log's listener. */
export const listenerSecurityFields = {
  tls: z.strictObject(tlsIdentityFields).optional().describe('Certificate of the listener; required beyond loopback'),
  users: z.array(userField).default([]).describe('Who may connect; required beyond loopback'),
  session: durationField.optional().describe('How long a login lasts; clients renew it on the same connection'),
  advertise: z
    .string()
    .transform((text, context): Address => {
      const address = parseAddress(text)
      if (address && text.includes(':')) return address
      const message = `Cannot advertise ${JSON.stringify(text)}: want "host:port"`
      context.addIssue({ code: 'custom', message })
      return z.NEVER
    })
    .optional()
    .describe('"host:port" that clients are told to connect to; default: what they came to'),
}

interface ListenerFile {
  readonly listen: Address
  readonly tls?: { readonly key: string; readonly cert: string; readonly ca?: string | undefined } | undefined
  readonly users: readonly z.output<typeof userField>[]
  readonly session?: number | undefined
  readonly advertise?: Address | undefined
}

/** What others can reach is encrypted, and asks who is there. */
export function checkListenerSecurity({ listen, tls, users, session }: ListenerFile, context: z.RefinementCtx): void {
  const say = (message: string, path: (string | number)[]) => context.addIssue({ code: 'custom', message, path })
  const missing = [...(tls ? [] : ['"tls"']), ...(users.length > 0 ? [] : ['"users"'])].join(' and ')
  if (!isLoopback(listen) && missing !== '') {
    say(`Cannot listen on ${listen.host} for Kafka clients: others reach it, want ${missing}, or a loopback address`, [
      'listen',
    ])
  }
  if (session !== undefined && users.length === 0) say('Cannot end logins: nobody logs in, want "users"', ['session'])
  if (session !== undefined && session < 10_000) say('Cannot end logins so soon: want 10s or more', ['session'])
  users.forEach(({ name, password }, index) => {
    const first = users.findIndex((user) => user.name === name)
    if (first < index) say(`Cannot have user "${name}" twice: want one of each name`, ['users', index, 'name'])
    if (password !== undefined || tls?.ca !== undefined) return
    say(`Cannot know user "${name}": want a "password", or "tls.ca" for client certificates`, ['users', index])
  })
}

/** Who may use the embedded log's listener, and how. */
export interface ListenerSecurity {
  readonly tls?: TlsIdentity
  readonly users: readonly LogUser[]
  readonly sessionMs?: number
  readonly advertise?: Address
}

interface LogUser {
  readonly name: string
  readonly password?: Secret
  readonly can: readonly ('read' | 'write' | 'admin')[]
  readonly topics: readonly string[]
  readonly groups: readonly string[]
}

export function readListenerSecurity({ tls, users, session, advertise }: ListenerFile): ListenerSecurity {
  return {
    users: users.map(given),
    ...(tls && { tls: given(tls) }),
    ...(session !== undefined && { sessionMs: session }),
    ...(advertise && { advertise }),
  }
}
