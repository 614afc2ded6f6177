import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { startKafkaCommand } from '../../tools/kafka/java.ts'
import { families } from './script.ts'
import type { Happening } from './history.ts'

export type Assignor = 'range' | 'cooperative'

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** A line of a member or of the producer. */
interface Line {
  readonly assigned?: readonly number[]
  readonly restarted?: readonly number[]
  readonly partition?: number
  readonly read?: readonly (readonly [number, string])[]
  readonly committed?: { readonly [partition: string]: number }
  readonly acked?: string
  readonly offset?: number
  readonly failed?: string
  readonly left?: number
}

/**
 * A broker in a process of its own, a producer that counts up, and members of one group from many families, all of
 * which can be killed; everything that they say is kept in the order in which it was heard.
 */
export class MixedGroup {
  readonly topic = 't'
  readonly group = 'g'
  readonly happenings: Happening[] = []
  /** What any of them complained about. */
  readonly complaints: string[] = []
  readonly assignor: Assignor
  readonly partitions: number
  readonly #members = new Map<string, ChildProcess>()
  readonly #children = new Set<ChildProcess>()
  #directory = ''
  #port = 0
  #broker: ChildProcess | undefined
  #producer: ChildProcess | undefined
  #lives = 0

  constructor(assignor: Assignor, partitions: number) {
    this.assignor = assignor
    this.partitions = partitions
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`
  }

  get members(): readonly string[] {
    return [...this.#members.keys()]
  }

  /** Starts the broker, or starts it again where it was killed. */
  async startBroker(): Promise<void> {
    this.#directory ||= await mkdtemp(join(tmpdir(), 'millrace-mixed-'))
    const args = ['--no-warnings', here('broker-process.ts'), this.#directory, String(this.#port)]
    this.#broker = this.#keep(spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] }))
    const [line] = (await once(createInterface(this.#broker.stdout!), 'line')) as [string]
    this.#port = Number(line)
  }

  async killBroker(): Promise<void> {
    await end(this.#broker!, 'SIGKILL')
  }

  startProducer(rate: number): void {
    const { command } = families().find(({ name }) => name === 'librdkafka')!
    const args = ['producer', this.address, this.topic, String(this.partitions), String(rate)]
    this.#producer = this.#keep(
      spawn(command[0]!, [...command.slice(1), ...args], { stdio: ['ignore', 'pipe', 'ignore'] }),
    )
    this.#listen(this.#producer, (line) => this.#heard('producer', JSON.parse(line) as Line))
  }

  /** Ends the producer; resolves when everything it sent was acknowledged, or it has given up. */
  async endProducer(): Promise<void> {
    await end(this.#producer!, 'SIGTERM')
  }

  /** Starts a member of a family; each life of it has a name of its own. */
  async startMember(family: string): Promise<void> {
    const name = `${family} ${++this.#lives}`
    const child = this.#keep(family === 'java' ? await this.#java() : this.#spawn(family))
    this.#members.set(name, child)
    const heard = family === 'java' ? javaLines : (line: string) => [JSON.parse(line) as Line]
    this.#listen(child, (line) => {
      for (const one of heard(line)) this.#heard(name, one)
    })
  }

  async endMember(name: string, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#members.get(name)!
    this.#members.delete(name)
    await end(child, signal)
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#children].map((child) => end(child, 'SIGKILL')))
    await rm(this.#directory, { recursive: true, force: true })
  }

  #spawn(family: string): ChildProcess {
    const { command } = families().find(({ name }) => name === family)!
    const args = ['member', this.address, this.group, this.topic, this.assignor]
    return spawn(command[0]!, [...command.slice(1), ...args], { stdio: ['ignore', 'pipe', 'ignore'] })
  }

  async #java(): Promise<ChildProcess> {
    const settings = join(this.#directory, 'consumer.properties')
    await writeFile(settings, 'heartbeat.interval.ms=500\nreconnect.backoff.max.ms=500\nmax.poll.interval.ms=10000\n')
    const assignor = this.assignor === 'range' ? 'RangeAssignor' : 'CooperativeStickyAssignor'
    const where = ['--bootstrap-server', this.address, '--group-id', this.group, '--topic', this.topic]
    const how = ['--reset-policy', 'earliest', '--session-timeout', '6000', '--verbose', '--command-config', settings]
    const strategy = ['--assignment-strategy', `org.apache.kafka.clients.consumer.${assignor}`]
    return startKafkaCommand('kafka-verifiable-consumer', [...where, ...how, ...strategy])
  }

  #keep(child: ChildProcess): ChildProcess {
    this.#children.add(child)
    child.once('close', () => this.#children.delete(child))
    return child
  }

  #listen(child: ChildProcess, heard: (line: string) => void): void {
    createInterface(child.stdout!).on('line', (line) => {
      // The last line of one that was killed may be half a line.
      if (line.startsWith('{') && line.endsWith('}')) heard(line)
    })
  }

  #heard(member: string, line: Line): void {
    const { partition, offset } = line
    if (line.acked !== undefined) {
      this.happenings.push({ kind: 'acked', value: line.acked, partition: partition!, offset: offset! })
    }
    if (line.assigned) this.happenings.push({ kind: 'assigned', member, partitions: line.assigned })
    if (line.restarted) this.happenings.push({ kind: 'restarted', member, partitions: line.restarted })
    if (line.read) this.happenings.push({ kind: 'read', member, partition: partition!, records: line.read })
    for (const [index, next] of Object.entries(line.committed ?? {})) {
      this.happenings.push({ kind: 'committed', member, partition: Number(index), offset: next })
    }
    if (line.failed !== undefined) this.complaints.push(`${member}: ${line.failed}`)
    if (line.left) this.complaints.push(`${member}: ${line.left} records were not acknowledged`)
  }
}

interface JavaLine {
  readonly name: string
  readonly partition?: number
  readonly offset?: number
  readonly value?: string
  readonly partitions?: readonly { readonly partition: number }[]
  readonly offsets?: readonly { readonly partition: number; readonly offset: number }[]
  readonly success?: boolean
  readonly error?: string
}

/** What Kafka's verifiable consumer says, in our words. */
function javaLines(text: string): Line[] {
  const { name, partition, offset, value, partitions, offsets, success, error } = JSON.parse(text) as JavaLine
  if (name === 'partitions_assigned') return [{ assigned: partitions!.map((one) => one.partition) }]
  if (name === 'record_data') return [{ partition: partition!, read: [[offset!, value!]] }]
  if (name !== 'offsets_committed') return []
  if (success !== true) return [{ failed: error ?? 'commit' }]
  return [{ committed: Object.fromEntries(offsets!.map((one) => [one.partition, one.offset])) }]
}

async function end(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  await once(child, 'close')
}
