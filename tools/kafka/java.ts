import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { need } from '../need.ts'

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** Kafka's own command-line classes: what stands behind its shell scripts of these names. */
export const CLASSES = {
  'kafka-storage': 'kafka.tools.StorageTool',
  'kafka-topics': 'org.apache.kafka.tools.TopicCommand',
  'kafka-configs': 'kafka.admin.ConfigCommand',
  'kafka-acls': 'org.apache.kafka.tools.AclCommand',
  'kafka-console-producer': 'org.apache.kafka.tools.ConsoleProducer',
  'kafka-console-consumer': 'org.apache.kafka.tools.consumer.ConsoleConsumer',
  'kafka-consumer-groups': 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
  'kafka-delete-records': 'org.apache.kafka.tools.DeleteRecordsCommand',
  'kafka-dump-log': 'org.apache.kafka.tools.DumpLogSegments',
  'kafka-get-offsets': 'org.apache.kafka.tools.GetOffsetShell',
  'kafka-leader-election': 'org.apache.kafka.tools.LeaderElectionCommand',
  'kafka-broker-api-versions': 'org.apache.kafka.tools.BrokerApiVersionsCommand',
  'kafka-metadata-quorum': 'org.apache.kafka.tools.MetadataQuorumCommand',
  'kafka-reassign-partitions': 'org.apache.kafka.tools.reassign.ReassignPartitionsCommand',
  'kafka-verifiable-producer': 'org.apache.kafka.tools.VerifiableProducer',
  'kafka-verifiable-consumer': 'org.apache.kafka.tools.VerifiableConsumer',
  'kafka-producer-perf-test': 'org.apache.kafka.tools.ProducerPerformance',
  'kafka-consumer-perf-test': 'org.apache.kafka.tools.ConsumerPerformance',
} as const

export type KafkaCommand = keyof typeof CLASSES

/** A machine of tests is small: commands start quickly and stay small. */
const COMMAND_OPTIONS = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']

export interface JavaResult {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs a command of Kafka to its end; `input` is what it reads. */
export async function runKafkaCommand(command: KafkaCommand, args: readonly string[], input = ''): Promise<JavaResult> {
  const child = startKafkaCommand(command, args)
  const { promise: ended, resolve } = Promise.withResolvers<number | null>()
  child.once('close', resolve)
  // A command that ends without reading what it was given closes the pipe: its exit code tells.
  child.stdin!.on('error', () => {})
  child.stdin!.end(input)
  const [code, out, err] = await Promise.all([ended, text(child.stdout!), text(child.stderr!)])
  return { code, out, err }
}

/** Starts a command of Kafka that goes on until it is ended; all three streams are pipes. */
export function startKafkaCommand(command: KafkaCommand, args: readonly string[]): ChildProcess {
  return startJava('tools-log.properties', COMMAND_OPTIONS, CLASSES[command], args)
}

/** Starts a class out of Kafka's jars. It ends with this process, however this process ends. */
export function startJava(
  logging: 'broker-log.properties' | 'tools-log.properties',
  options: readonly string[],
  mainClass: string,
  args: readonly string[],
): ChildProcess {
  const jars = need('kafka')
  if (jars === undefined) throw new Error('Cannot run Apache Kafka: it is not installed, want "npm test" to get it')
  const all = [...options, `-Dlog4j2.configurationFile=${here(logging)}`, '-cp', `${jars}/*`, mainClass, ...args]
  const [program, ...before] = existsSync('/usr/bin/setpriv')
    ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL', 'java']
    : ['java']
  return spawn(program, [...before, ...all], { stdio: 'pipe' })
}
