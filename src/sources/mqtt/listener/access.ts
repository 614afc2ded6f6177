import { createHash, timingSafeEqual } from 'node:crypto'
import type { Secret } from '../../../system/secret.ts'
import { covers, filterMatches } from './topic-filter.ts'

/** A user of the config. */
export interface User {
  readonly name: string
  readonly password: Secret
  /** Topic filters it may publish to. */
  readonly publish: readonly string[]
  /** Topic filters it may subscribe to. */
  readonly subscribe: readonly string[]
}

/** Who a connection acts for, and what it may do. */
export interface Principal {
  /** Empty where no users are configured. */
  readonly name: string
  mayPublish(topic: string): boolean
  maySubscribe(filter: string): boolean
}

/** How a client shows who it is. */
export interface Credentials {
  readonly userName?: string | undefined
  readonly password?: Buffer | undefined
  /** Common name of a certificate that our `ca` signed. */
  readonly certificateName?: string | undefined
}

/** Who may come in. */
export interface Access {
  /** Undefined: not this client. */
  admit(credentials: Credentials): Principal | undefined
}

/**
 * Without users everybody who can connect may do everything: the schema allows that only on loopback, or where clients
 * show a certificate. With users every client must be one of them, by password, or by a certificate with its name.
 */
export function createAccess(users: readonly User[] | undefined): Access {
  if (users === undefined) return { admit: () => ANYBODY }
  const known = new Map(users.map((user) => [user.name, { principal: principalOf(user), digest: digestOf(user) }]))
  const nobody = digest(Buffer.from('nobody has this digest'))
  return {
    admit({ userName, password, certificateName }) {
      if (userName === undefined) return known.get(certificateName ?? '')?.principal
      const user = known.get(userName)
      // The same work for a name that is not there, so that time does not tell which names are.
      const same = timingSafeEqual(digest(password ?? Buffer.alloc(0)), user?.digest ?? nobody)
      return same && password !== undefined ? user?.principal : undefined
    },
  }
}

/** Topics that begin with `$` are the server's own (MQTT 4.7.2): clients do not publish there. */
function isReserved(topic: string): boolean {
  return topic.startsWith('$')
}

const ANYBODY: Principal = {
  name: '',
  mayPublish: (topic) => !isReserved(topic),
  maySubscribe: () => true,
}

function principalOf(user: User): Principal {
  const publish = user.publish.map((filter) => filter.split('/'))
  const subscribe = user.subscribe.map((filter) => filter.split('/'))
  return {
    name: user.name,
    mayPublish(topic) {
      const levels = topic.split('/')
      return !isReserved(topic) && publish.some((filter) => filterMatches(filter, levels))
    },
    maySubscribe(filter) {
      const levels = filter.split('/')
      return subscribe.some((pattern) => covers(pattern, levels))
    },
  }
}

function digestOf(user: User): Buffer {
  return digest(Buffer.from(user.password.reveal(), 'utf8'))
}

/** Equal length for a comparison in constant time; the passwords themselves are in the config's secrets, not here. */
function digest(password: Buffer): Buffer {
  return createHash('sha256').update(password).digest()
}
