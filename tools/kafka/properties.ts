import { join } from 'node:path'

/** A kind of door of a broker. `MTLS` is `SSL` where the client must show a certificate. */
export type ListenerName = 'PLAINTEXT' | 'SSL' | 'MTLS' | 'SASL_PLAINTEXT' | 'SASL_SSL'

/** Who may log in over SASL: with PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 alike. */
export interface KafkaUser {
  readonly name: string
  readonly password: string
}

export interface BrokerSettings {
  readonly id: number
  readonly folder: string
  readonly brokers: number
  /** Port by listener, of this broker. */
  readonly ports: ReadonlyMap<ListenerName, number>
  /** Where the other brokers reach this one. */
  readonly internalPort: number
  /** Port of the controller of each broker, by id. */
  readonly controllers: ReadonlyMap<number, number>
  readonly users: readonly KafkaUser[]
  /** Folder of `ca.crt`, `server.pem`, where a listener needs them. */
  readonly certificates?: string
  /** A JSON Web Key Set as text: OAUTHBEARER then checks signatures; else it takes unsigned tokens (alg "none"). */
  readonly jwks?: string
  readonly config: { readonly [key: string]: string }
}

const MECHANISMS = 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER'

/** The properties file of a broker that is a controller too (KRaft, combined mode). */
export function properties(settings: BrokerSettings): string {
  const all: { readonly [key: string]: string } = {
    ...identity(settings),
    ...listeners(settings),
    ...small(settings.brokers),
    ...(settings.certificates === undefined ? {} : tls(settings.certificates)),
    ...Object.fromEntries([...settings.ports.keys()].filter(isSasl).flatMap((name) => sasl(name, settings))),
    ...settings.config,
  }
  return Object.entries(all)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}

/** Whether clients of this listener log in over SASL. */
export function isSasl(name: ListenerName): boolean {
  return name.startsWith('SASL')
}

/** Whether this listener speaks TLS. */
export function isTls(name: ListenerName): boolean {
  return name.endsWith('SSL') || name === 'MTLS'
}

function identity({ id, folder, controllers }: BrokerSettings) {
  const voters = [...controllers].map(([voter, port]) => `${voter}@127.0.0.1:${port}`)
  return {
    'process.roles': 'broker,controller',
    'node.id': String(id),
    'log.dirs': join(folder, 'data'),
    'broker.rack': `rack${id}`,
    'controller.quorum.voters': voters.join(','),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'INTERNAL',
  }
}

/** Brokers talk among themselves over a listener of their own, so that any other may be left out. */
function listeners({ id, ports, internalPort, controllers }: BrokerSettings) {
  const outer = [...ports].map(([name, port]) => `${name}://127.0.0.1:${port}`)
  const doors = [...outer, `INTERNAL://127.0.0.1:${internalPort}`]
  const protocols = [...ports.keys()].map((name) => `${name}:${name === 'MTLS' ? 'SSL' : name}`)
  return {
    listeners: [...doors, `CONTROLLER://127.0.0.1:${controllers.get(id)}`].join(','),
    'advertised.listeners': doors.join(','),
    'listener.security.protocol.map': ['CONTROLLER:PLAINTEXT', 'INTERNAL:PLAINTEXT', ...protocols].join(','),
  }
}

/** What makes a cluster of tests quick and small; nothing here changes what clients see, but for the timeouts. */
function small(brokers: number) {
  const replication = String(brokers)
  const minimum = brokers > 1 ? '2' : '1'
  return {
    'auto.create.topics.enable': 'false',
    'default.replication.factor': replication,
    'min.insync.replicas': minimum,
    'offsets.topic.replication.factor': replication,
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': replication,
    'transaction.state.log.min.isr': minimum,
    'transaction.state.log.num.partitions': '4',
    'share.coordinator.state.topic.replication.factor': replication,
    'share.coordinator.state.topic.min.isr': minimum,
    'share.coordinator.state.topic.num.partitions': '4',
    // Records of tests may have any time: half a minute after its start a broker would delete what is a week old.
    'log.retention.ms': '-1',
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '1000',
    'broker.session.timeout.ms': '4000',
    'broker.heartbeat.interval.ms': '500',
    'replica.lag.time.max.ms': '4000',
    'controlled.shutdown.enable': 'true',
    'num.network.threads': '2',
    'num.io.threads': '4',
    'background.threads': '2',
    'log.cleaner.dedupe.buffer.size': '16777216',
    'replica.selector.class': 'org.apache.kafka.common.replica.RackAwareReplicaSelector',
  }
}

function tls(folder: string) {
  return {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': join(folder, 'server.pem'),
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': join(folder, 'ca.crt'),
    'listener.name.mtls.ssl.client.auth': 'required',
  }
}

function sasl(name: ListenerName, { users, jwks, folder }: BrokerSettings): [key: string, value: string][] {
  const of = (mechanism: string, key: string) => `listener.name.${name.toLowerCase()}.${mechanism}.${key}`
  const module = 'org.apache.kafka.common.security'
  const plainUsers = users.map((user) => ` user_${user.name}="${user.password}"`).join('')
  const oauth = jwks === undefined ? ' unsecuredLoginStringClaim_sub="broker"' : ''
  const settings: [string, string][] = [
    ['sasl.enabled.mechanisms', MECHANISMS],
    [of('plain', 'sasl.jaas.config'), `${module}.plain.PlainLoginModule required${plainUsers};`],
    [of('scram-sha-256', 'sasl.jaas.config'), `${module}.scram.ScramLoginModule required;`],
    [of('scram-sha-512', 'sasl.jaas.config'), `${module}.scram.ScramLoginModule required;`],
    [of('oauthbearer', 'sasl.jaas.config'), `${module}.oauthbearer.OAuthBearerLoginModule required${oauth};`],
  ]
  if (jwks === undefined) return settings
  const validator = `${module}.oauthbearer.OAuthBearerValidatorCallbackHandler`
  return [
    ...settings,
    [of('oauthbearer', 'sasl.server.callback.handler.class'), validator],
    [of('oauthbearer', 'sasl.oauthbearer.jwks.endpoint.url'), `file://${join(folder, 'jwks.json')}`],
  ]
}
