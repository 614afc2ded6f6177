import { randomBytes } from 'node:crypto'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../free-ports.ts'
import { KafkaBroker } from './broker.ts'
import { makeKafkaCertificates, type KafkaCertificates } from './certificates.ts'
import { runKafkaCommand } from './java.ts'
import { isSasl, isTls, properties, type KafkaUser, type ListenerName } from './properties.ts'

export interface KafkaOptions {
  /** Default 1. Ids count from 1; broker `n` is in rack `rack<n>`. */
  readonly brokers?: 1 | 3
  /** Default PLAINTEXT alone. */
  readonly listeners?: readonly ListenerName[]
  /** Of the SASL listeners; default `millrace` with the password `millrace-secret`. */
  readonly users?: readonly KafkaUser[]
  /** A JSON Web Key Set: OAUTHBEARER checks signatures with it; without, it takes unsigned tokens (alg "none"). */
  readonly jwks?: string
  /** Broker settings beside or instead of the ones that tests have. */
  readonly config?: { readonly [key: string]: string }
  /** Options of the virtual machine; the default starts quickly and keeps small, which is not how one measures speed. */
  readonly javaOptions?: readonly string[]
}

/** A running Apache Kafka. `stop` removes everything it left. */
export interface KafkaCluster extends AsyncDisposable {
  readonly clusterId: string
  readonly folder: string
  /** Ids of the brokers. */
  readonly nodes: readonly number[]
  readonly users: readonly KafkaUser[]
  /** Where a listener has TLS. */
  readonly certificates?: KafkaCertificates
  /** Where each broker listens; default PLAINTEXT. */
  addresses(listener?: ListenerName): readonly { readonly host: string; readonly port: number }[]
  /** The same as Kafka's tools want it: `host:port,host:port`. */
  bootstrap(listener?: ListenerName): string
  /** The folder of a broker's segments. */
  dataFolder(node: number): string
  /** SIGKILL; resolves when the process is gone. */
  kill(node: number): Promise<void>
  /** SIGTERM: the broker hands its partitions over, then ends. */
  end(node: number): Promise<void>
  /** SIGSTOP: it hangs. */
  pause(node: number): void
  resume(node: number): void
  /** Starts a broker that was killed or ended; resolves when it answers. */
  restart(node: number): Promise<void>
  /** The last lines of a broker's log. */
  said(node: number): string
  /** Process of a broker. */
  pid(node: number): number | undefined
  stop(): Promise<void>
}

const JAVA_OPTIONS = ['-Xms128m', '-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
const USERS = [{ name: 'millrace', password: 'millrace-secret' }]

/** Starts Apache Kafka in a temporary folder, on free ports of 127.0.0.1; resolves when all of its brokers answer. */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-kafka-'))
  const brokers: KafkaBroker[] = []
  const stop = async () => {
    await Promise.all(brokers.map((broker) => broker.kill()))
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const plan = await prepare(folder, options)
    for (const id of plan.nodes) {
      brokers.push(new KafkaBroker(id, plan.file(id), options.javaOptions ?? javaOptions(folder, options)))
    }
    await Promise.all(brokers.map((broker) => broker.start()))
    return running(plan, brokers, stop)
  } catch (error) {
    await stop()
    throw error
  }
}

interface Plan {
  readonly clusterId: string
  readonly folder: string
  readonly nodes: readonly number[]
  readonly users: readonly KafkaUser[]
  readonly certificates?: KafkaCertificates
  readonly ports: ReadonlyMap<number, ReadonlyMap<ListenerName, number>>
  file(id: number): string
}

/** Only where the file with the keys lies may be read as if it were a URL. */
function javaOptions(folder: string, { jwks }: KafkaOptions): string[] {
  const urls = [1, 2, 3].map((id) => `file://${folder}/${id}/jwks.json`).join(',')
  return [...JAVA_OPTIONS, ...(jwks === undefined ? [] : [`-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${urls}`])]
}

/** Chooses ports, writes the brokers' properties and formats their folders. */
async function prepare(folder: string, options: KafkaOptions): Promise<Plan> {
  const nodes = Array.from({ length: options.brokers ?? 1 }, (_, i) => i + 1)
  const listeners = options.listeners ?? ['PLAINTEXT']
  const users = options.users ?? USERS
  const free = await freePorts(nodes.length * (listeners.length + 2))
  const certificates = listeners.some(isTls) ? await makeKafkaCertificates(folder) : undefined
  const controllers = new Map(nodes.map((id) => [id, free.pop()!]))
  const ports = new Map<number, Map<ListenerName, number>>()
  const file = (id: number) => join(folder, `${id}.properties`)
  for (const id of nodes) {
    ports.set(id, new Map(listeners.map((name) => [name, free.pop()!])))
    const text = properties({
      id,
      folder: join(folder, String(id)),
      brokers: nodes.length,
      ports: ports.get(id)!,
      internalPort: free.pop()!,
      controllers,
      users,
      ...(certificates && { certificates: folder }),
      ...(options.jwks !== undefined && { jwks: options.jwks }),
      config: options.config ?? {},
    })
    await writeFile(file(id), text)
    await mkdir(join(folder, String(id)))
    if (options.jwks !== undefined) await writeFile(join(folder, String(id), 'jwks.json'), options.jwks)
  }
  // An argument of a command line: it must not begin with a dash.
  const clusterId = `M${randomBytes(16).toString('base64url').slice(1)}`
  await format(folder, file(1), clusterId, nodes, listeners.some(isSasl) ? users : [])
  return { clusterId, folder, nodes, users, ports, file, ...(certificates && { certificates }) }
}

/** Formats the first broker's folder with Kafka's own tool; the others' are the same, but for who they are. */
async function format(
  folder: string,
  file: string,
  clusterId: string,
  nodes: readonly number[],
  users: readonly KafkaUser[],
): Promise<void> {
  const scram = users.flatMap(({ name, password }) =>
    ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((one) => ['--add-scram', `${one}=[name=${name},password=${password}]`]),
  )
  const { code, out, err } = await runKafkaCommand('kafka-storage', ['format', '-t', clusterId, '-c', file, ...scram])
  if (code !== 0) throw new Error(`Cannot format a folder for Kafka: exit code ${code}, want 0\n${out}${err}`)
  for (const id of nodes.slice(1)) {
    const data = join(folder, String(id), 'data')
    await cp(join(folder, '1', 'data'), data, { recursive: true })
    const meta = await readFile(join(data, 'meta.properties'), 'utf8')
    const directoryId = randomBytes(16).toString('base64url')
    await writeFile(
      join(data, 'meta.properties'),
      meta.replace(/^node\.id=.*$/m, `node.id=${id}`).replace(/^directory\.id=.*$/m, `directory.id=${directoryId}`),
    )
  }
}

function running(plan: Plan, brokers: readonly KafkaBroker[], stop: () => Promise<void>): KafkaCluster {
  const broker = (id: number) => {
    const found = brokers.find((one) => one.id === id)
    if (!found) throw new Error(`Cannot find Kafka broker ${id}: there are ${plan.nodes.join(', ')}`)
    return found
  }
  const addresses = (listener: ListenerName = 'PLAINTEXT') =>
    plan.nodes.map((id) => {
      const port = plan.ports.get(id)!.get(listener)
      if (port === undefined) throw new Error(`Cannot use listener "${listener}": it was not asked for`)
      return { host: '127.0.0.1', port }
    })
  return {
    clusterId: plan.clusterId,
    folder: plan.folder,
    nodes: plan.nodes,
    users: plan.users,
    ...(plan.certificates && { certificates: plan.certificates }),
    addresses,
    bootstrap: (listener) =>
      addresses(listener)
        .map(({ host, port }) => `${host}:${port}`)
        .join(','),
    dataFolder: (id) => join(plan.folder, String(id), 'data'),
    kill: (id) => broker(id).kill(),
    end: (id) => broker(id).end(),
    pause: (id) => broker(id).pause(),
    resume: (id) => broker(id).resume(),
    restart: (id) => broker(id).start(),
    said: (id) => broker(id).said,
    pid: (id) => broker(id).pid,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
