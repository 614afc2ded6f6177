import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { need } from '../../tools/need.ts'

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/**
 * A client that is not ours, with a script of the same steps as all others have, as far as the client can: make topics,
 * produce, consume by a group, commit, resume, look up offsets, delete records, change settings, and be refused.
 */
export interface Family {
  readonly name: string
  /** What is missing here, so that it cannot run. */
  readonly skip: string | false
  /** How it is run: `script ADDRESS PREFIX` prints a line for each step, without what must differ from run to run. */
  readonly command: readonly string[]
}

/** All families; under `CI=true` a missing tool throws. */
export function families(): Family[] {
  const node = [process.execPath, '--no-warnings']
  const confluent = need('confluent-kafka-2')
  const kafkaPython = need('kafka-python')
  const franz = need('franz')
  const kcat = need('kcat')
  const jars = need('kafka')
  const javac = need('javac')
  return [
    family('franz-go', franz, [franz ?? '']),
    family('librdkafka', confluent, [confluent ?? '', here('python/confluent.py')]),
    family('kafka-python', kafkaPython, [kafkaPython ?? '', here('python/kafka_python.py')]),
    family('kafkajs', node[0], [...node, here('node/kafkajs.ts')]),
    family('platformatic', node[0], [...node, here('node/platformatic.ts')]),
    family('java-tools', javac && jars, javaTools(jars)),
    // Leaves its groups behind, which the tools before it would list.
    family('kcat', kcat, [...node, here('node/kcat.ts')]),
  ]
}

function family(name: string, tool: string | undefined, command: readonly string[]): Family {
  return { name, skip: tool === undefined ? `what ${name} needs is not installed` : false, command }
}

function javaTools(jars: string | undefined): string[] {
  const small = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
  const logging = `-Dlog4j2.configurationFile=${here('../../tools/kafka/tools-log.properties')}`
  return ['java', ...small, logging, '-cp', `${jars}/*`, here('java/Tools.java')]
}

/** Runs a family's script against a broker, at most 100 s; answers its lines. */
export async function runScript({ name, command }: Family, address: string): Promise<string[]> {
  const [program = '', ...before] = command
  const args = [...before, 'script', address, `${name}-`]
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 100_000 })
  const ended = once(child, 'close')
  const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [code, signal] = await ended
  const lines = out.split('\n').filter((line) => line !== '')
  // What came before it broke off says where.
  if (code !== 0) lines.push(`ended with ${code ?? signal}: ${errors.slice(-2000)}`)
  return lines
}
