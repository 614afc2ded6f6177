import type { Address, TlsIdentity } from '../../../system/net.ts'
import type { Random } from '../../../system/random.ts'
import { Secret } from '../../../system/secret.ts'
import type { BrokerSecurity } from '../broker.ts'
import type { LogSecurity } from '../../security.ts'
import { knownUser } from './users.ts'
import type { UserAccount } from './users.ts'

/** How a listener is guarded, as the config has it. */
export interface ListenerGuard {
  readonly tls?: TlsIdentity
  readonly users: readonly UserAccount[]
  readonly sessionMs?: number
  readonly advertise?: Address
}

/** What the broker is told, and what the hub logs in with; neither where the listener is open to its machine. */
export interface Guarded {
  readonly security?: BrokerSecurity
  readonly login?: LogSecurity
}

const SECRET_BYTES = 32

/** Whether a listener asks who is there, or encrypts; else it is open to its machine. */
export function isGuarded({ tls, users }: ListenerGuard): boolean {
  return tls !== undefined || users.length > 0
}

/** Forgets the passwords of users, and makes one for the hub that nobody else ever sees. */
export async function guardListener(guard: ListenerGuard, random: Random): Promise<Guarded> {
  if (!isGuarded(guard)) return {}
  const { tls, users, sessionMs } = guard
  const { user: hub, login } = await hubUser(random)
  const known = await Promise.all(users.map((user) => knownUser(user, random)))
  const security = { users: known, hub, ...(tls && { tls }), ...(sessionMs !== undefined && { sessionMs }) }
  return { security, login }
}

/** A broker that nobody but its own process may use; for commands that open a log that no hub has open. */
export async function guardForOne(random: Random): Promise<Required<Guarded>> {
  const { user, login } = await hubUser(random)
  return { security: { users: [user] }, login }
}

async function hubUser(random: Random) {
  const password = new Secret(Buffer.from(random.bytes(SECRET_BYTES)).toString('base64url'))
  const username = 'millrace'
  const all = ['*', '__*']
  const user = await knownUser({ name: username, password, can: ['admin'], topics: all, groups: all }, random)
  return { user, login: { sasl: { mechanism: 'SCRAM-SHA-256', username, password } } satisfies LogSecurity }
}

/**
 * What a command beside the hub comes in with by the listener that everybody uses: the user of the config that may see
 * most, and the certificate that the listener has, which it also shows where one is asked for.
 */
export function loginBeside({ tls, users }: ListenerGuard): LogSecurity {
  const user = ['admin', 'read'].map((right) =>
    users.find((one) => one.password && one.can.some((can) => can === right)),
  )
  const { name: username, password } = user.find((one) => one !== undefined) ?? {}
  return {
    ...(tls && { tls: { pinned: tls.cert, ...(tls.ca !== undefined && { cert: tls.cert, key: tls.key }) } }),
    ...(username !== undefined && password && { sasl: { mechanism: 'SCRAM-SHA-256', username, password } }),
  }
}
