import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CLASSES } from '../../tools/kafka/java.ts'

/** How one test of librdkafka's suite ended. */
export interface Verdict {
  readonly name: string
  readonly outcome: 'passed' | 'skipped' | 'failed'
  readonly seconds: number
  /** The last that it said. */
  readonly said: string
}

/** The tests of the suite that want a broker, in its order, with the scenario that each belongs to. */
export function brokerTests(folder: string): { name: string; scenario: string }[] {
  const source = readFileSync(join(folder, 'test.c'), 'utf8')
  const table = source.slice(source.indexOf('struct test tests[] = {'))
  const entries = table.slice(0, table.indexOf('{NULL}};')).split('_TEST(').slice(1)
  return entries
    .map((entry) => ({
      name: /^\w+/.exec(entry)![0],
      scenario: /\.scenario = "(\w+)/.exec(entry)?.[1] ?? 'default',
      local: /TEST_F_LOCAL|TEST_F_MANUAL/.test(entry),
    }))
    .filter(({ local }) => !local)
}

export interface SuiteOptions {
  /** Where the suite was built. */
  readonly folder: string
  readonly address: string
  /** Where its settings are written to. */
  readonly scratch: string
  /** Fewer messages and shorter waits. */
  readonly quick: boolean
  readonly limitMs: number
  /** Where Kafka's jars are: a few tests call its command-line classes. */
  readonly jars?: string
  /** Only those parts of the test whose names have one of these in them. */
  readonly parts?: string
  /** Settings that every client of the suite begins with, and the suite's own. */
  readonly settings?: { readonly [name: string]: string }
  /** What the suite's own tool for clusters would have set: where certificates lie. */
  readonly environment?: { readonly [name: string]: string }
}

/** Runs one test of the suite against a broker, alone, for at most `limitMs`. */
export async function runTest(name: string, scenario: string, options: SuiteOptions): Promise<Verdict> {
  const { folder, address, scratch, quick, limitMs, jars, parts, settings, environment } = options
  const file = join(scratch, 'test.conf')
  const all = { 'bootstrap.servers': address, 'test.topic.random': 'true', ...settings }
  await writeFile(
    file,
    Object.entries(all)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
  )
  const env = {
    ...process.env,
    ...environment,
    LD_LIBRARY_PATH: `${folder}/../src:${folder}/../src-cpp`,
    RDKAFKA_TEST_CONF: file,
    TEST_KAFKA_VERSION: '3.1.0',
    TESTS: name,
    ...(parts !== undefined && { SUBTESTS: parts }),
    ...(jars !== undefined && { KAFKA_PATH: await kafkaFolder(scratch, jars), BROKERS: address }),
  }
  const args = ['-L', '-p1', ...(quick ? ['-Q'] : []), '-s', scenario]
  const began = performance.now()
  const child = spawn(join(folder, 'test-runner'), args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs)
  let said = ''
  const hear = (text: Buffer) => (said = (said + text.toString()).slice(-20_000))
  child.stdout.on('data', hear)
  child.stderr.on('data', hear)
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  clearTimeout(timer)
  const seconds = (performance.now() - began) / 1000
  // Parts that match nothing end the test as passed, having looked at nothing.
  const ran = parts === undefined || new RegExp(`\\[ [^\\n]*${parts}[^\\n]*: PASS`).test(said)
  const passed = ran && new RegExp(`${name}[^\\n]*PASSED`).test(said) && !/Test skipped due to quick mode/.test(said)
  const outcome = code !== 0 ? 'failed' : passed ? 'passed' : 'skipped'
  return { name, outcome, seconds, said: said.slice(-6000) }
}

/** A folder like that of a Kafka distribution, as far as the suite looks into it. */
async function kafkaFolder(scratch: string, jars: string): Promise<string> {
  const folder = join(scratch, 'kafka')
  await mkdir(join(folder, 'bin'), { recursive: true })
  const run = (what: string) => `#!/bin/sh\nexec java -Xmx128m -XX:TieredStopAtLevel=1 -cp '${jars}/*'${what} "$@"\n`
  const scripts = { 'kafka-topics.sh': run(` ${CLASSES['kafka-topics']}`), 'kafka-run-class.sh': run(':"$CLASSPATH"') }
  for (const [name, script] of Object.entries(scripts))
    await writeFile(join(folder, 'bin', name), script, { mode: 0o755 })
  await symlink(jars, join(folder, 'libs')).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  return folder
}
