import { spawnSync } from 'node:child_process'
import { need } from '../../../tools/need.ts'

/**
 * `kcat.ts script ADDRESS PREFIX`: what kcat sees of a Kafka broker, as one sees it who works with it at a shell. Driven by
 * the tests of this folder's parent.
 */
const [, address = '', prefix = ''] = process.argv.slice(2)
const kcat = need('kcat')!
const topic = `${prefix}t`
const group = `${prefix}g`
/** How long one command may take. */
const LIMIT_MS = 20_000
/** Partition, offset, key and value with their lengths, headers: a line each. */
const ROW = '%p %o %K=%k %S=%s %h\\n'
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

interface Ran {
  readonly code: number | null
  readonly lines: readonly string[]
  readonly errors: readonly string[]
}

function run(args: readonly string[], input = ''): Ran {
  const how = { input, timeout: LIMIT_MS, maxBuffer: 64 << 20 }
  const { status, stdout, stderr } = spawnSync(kcat, ['-b', address, ...args], how)
  return { code: status, lines: linesOf(stdout.toString()), errors: linesOf(stderr.toString()).filter(isAnswer) }
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '')
}

/** Beside what a broker has answered, kcat says what it does itself, and librdkafka logs with the time of day. */
function isAnswer(line: string): boolean {
  return /^% (ERROR|Delivery failed)/.test(line) || /rebalanced/.test(line)
}

function say(step: string, ...found: unknown[]): void {
  const line = JSON.stringify([step, ...found])
  // Which broker it is, and what a group calls a member, differ from run to run.
  console.log(line.replaceAll(prefix, '').replaceAll(/\(broker \d+\)|\(memberid [^)]*\)/g, '(...)'))
}

/** Says how a command ended and what it printed; the rows in the order of their partitions. */
function step(name: string, args: readonly string[], input = ''): readonly string[] {
  const ran = run(args, input)
  show(name, ran)
  return ran.lines
}

function show(name: string, { code, lines, errors }: Ran): void {
  say(name, code, lines.toSorted(byPlace).map(short), errors)
}

const numbersOf = (line: string) => line.split(' ', 2).map(Number)

function byPlace(a: string, b: string): number {
  const [partition = 0, offset = 0] = numbersOf(a)
  const [other = 0, after = 0] = numbersOf(b)
  return partition - other || offset - after
}

function short(line: string): string {
  return line.length > 200 ? `${line.slice(0, 60)}... ${line.length} characters` : line
}

function produce(): void {
  step('to a topic that it makes', ['-P', '-t', topic, '-p', '0', '-K=', '-H', 'unit=Cel', '-H', 'empty='], 'k0=made\n')
  CODECS.forEach((codec, index) => {
    const into = ['-P', '-t', topic, '-K=', '-z', codec, '-p', String(index % 4)]
    step(`produce ${codec}`, into, Array.from({ length: 20 }, (_, i) => `k${i}=${codec}${i}\n`).join(''))
    const idempotent = [...into, '-X', 'enable.idempotence=true', '-H', `codec=${codec}`]
    step(`produce ${codec} idempotent`, idempotent, `large=${codec.repeat(20_000)}\nsmall=${codec}\n`)
  })
  step('produce nulls', ['-P', '-t', topic, '-p', '3', '-Z', '-K='], 'tombstone=\n=keyless\n')
  step('produce empty', ['-P', '-t', topic, '-p', '3', '-K=', '-k', 'all'], '=\nöäü=µ\n')
  for (const acks of ['0', '1']) {
    step(`produce with acks ${acks}`, ['-P', '-t', topic, '-p', '3', '-X', `topic.acks=${acks}`, '-T'], 'acked\n')
  }
  // Brokers differ in how large a record they take, and kcat changes no settings: this is too large for any.
  const large = ['-P', '-t', topic, '-p', '0', '-D', ';', '-X', 'message.max.bytes=20000000']
  step('produce too large', large, `${'x'.repeat(9 << 20)};`)
  const soon = ['-p', '7', '-X', 'topic.message.timeout.ms=8000']
  step('produce to no partition', ['-P', '-t', topic, ...soon], 'lost\n')
  step('produce to a bad name', ['-P', '-t', `${prefix}a/b`, ...soon], 'lost\n')
}

interface Listed {
  readonly brokers: readonly unknown[]
  readonly topics: readonly {
    readonly topic: string
    readonly error?: string
    readonly partitions: readonly { readonly partition: number; readonly replicas: readonly unknown[] }[]
  }[]
}

/** Without the ids of brokers. */
function list(): void {
  for (const name of [topic, `${prefix}a/b`]) {
    const { code, lines } = run(['-L', '-J', '-t', name])
    const { brokers, topics } = JSON.parse(lines.join('')) as Listed
    for (const { topic: listed, error, partitions } of topics) {
      const copies = partitions.map(({ partition, replicas }) => [partition, replicas.length])
      say('list', code, brokers.length, listed, error, copies)
    }
  }
}

const read = (...more: string[]) => ['-C', '-t', topic, '-e', '-f', ROW, ...more]

function consume(): void {
  step('consume', read('-X', 'check.crcs=true'))
  step('consume committed', read('-p', '3', '-X', 'isolation.level=read_committed'))
  for (const from of ['beginning', 'end', '3', '-2', '-999']) step(`consume from ${from}`, read('-p', '0', '-o', from))
  step('consume so many', read('-p', '0', '-c', '4'))
  for (const reset of ['earliest', 'latest', 'error']) {
    step(
      `consume from beyond the end, ${reset}`,
      read('-p', '3', '-o', '9999', '-X', `topic.auto.offset.reset=${reset}`),
    )
  }
  step('consume no partition', read('-p', '7'))
  step('consume no topic', ['-C', '-t', `${prefix}unknown`, '-e', '-f', ROW, '-X', 'allow.auto.create.topics=false'])
  const small = ['-X', 'fetch.message.max.bytes=1000', '-X', 'fetch.max.bytes=1000', '-X', 'message.max.bytes=1000']
  step('consume in small pieces', read('-p', '1', ...small))
  for (const line of run(['-C', '-J', '-t', topic, '-p', '3', '-e', '-c', '10']).lines) {
    const { ts, broker, ...rest } = JSON.parse(line) as { readonly ts: number; readonly broker: number }
    say('envelope', rest, typeof ts, typeof broker)
  }
}

/** By the time of the records: those of one command are later than those of the one before it. */
function offsets(): void {
  const times = run(['-C', '-t', topic, '-p', '0', '-e', '-f', '%o %T\\n']).lines.map(numbersOf)
  const timeOf = (offset: number) => times.find(([one]) => one === offset)![1]!
  const ask = (of: string, time: number, partition = 0) =>
    step(`offset ${of}`, ['-Q', '-t', `${topic}:${partition}:${time}`])
  ask('of the first', timeOf(0))
  ask('before the first', timeOf(0) - 1)
  ask('after the first', timeOf(0) + 1)
  ask('after the last', times.at(-1)![1]! + 1)
  ask('at the end', -1)
  ask('at the beginning', -2)
  ask('of no partition', -1, 7)
  step('offsets of three', ['-Q', ...[0, 1, 2].flatMap((partition) => ['-t', `${topic}:${partition}:1000`])])
  step('consume since', read('-p', '0', '-o', `s@${timeOf(1)}`))
  step('consume until', read('-p', '0', '-o', `s@${timeOf(0)}`, '-o', `e@${timeOf(1)}`))
}

function groups(): void {
  const some = member('-c', '30')
  const rest = member('-e')
  say('group, in two parts', some.code, some.lines.length, some.errors, rest.code, rest.lines.length, rest.errors)
  // Which of the partitions come first is chance; none of their records may be missing or come twice.
  for (const line of [...some.lines, ...rest.lines].toSorted(byPlace)) say('group', short(line))
  show('group resumes', member('-e'))
  step('produce more', ['-P', '-t', topic, '-p', '2', '-K='], 'more=1\nmore=2\n')
  show('group, static member', member('-e', '-X', 'group.instance.id=one'))
  show(
    'group, cooperative',
    member('-e', '-X', `group.id=${group}2`, '-X', 'partition.assignment.strategy=cooperative-sticky'),
  )
  const missing = ['-e', '-X', 'allow.auto.create.topics=false', `${prefix}unknown`]
  step('group of no topic', ['-G', group, ...missing])
}

/** Reads as a member of a group, the only one, until it is told to leave. */
function member(...more: string[]): Ran {
  return run(['-G', group, '-X', 'auto.offset.reset=earliest', '-f', ROW, ...more, topic])
}

produce()
list()
consume()
offsets()
groups()
