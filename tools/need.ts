import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The release of Apache Kafka that tests run. */
const KAFKA = '4.3.1'
/** And of onnxruntime, the optional peer of `onnx`. */
const ONNXRUNTIME = '1.30.0'
/** And of S3Proxy, the storage that a lake is uploaded to. */
const S3PROXY = '2.6.0'

/** The programs that tests talk to and npm does not bring: how each is found, and where it comes from. */
export const TOOLS = {
  curl: { find: () => onPath('curl'), debian: ['curl'] },
  kcat: { find: () => onPath('kcat'), debian: ['kcat'] },
  mosquitto: { find: () => onPath('mosquitto'), debian: ['mosquitto'] },
  mosquitto_pub: { find: () => onPath('mosquitto_pub'), debian: ['mosquitto-clients'] },
  mosquitto_sub: { find: () => onPath('mosquitto_sub'), debian: ['mosquitto-clients'] },
  chromium: { find: () => onPath('chromium'), debian: ['chromium', 'fonts-dejavu-core'] },
  /** A Python that can `import confluent_kafka` (librdkafka). */
  'confluent-kafka': {
    find: () => pythonWith('/usr/bin/python3', 'confluent_kafka'),
    debian: ['python3-confluent-kafka'],
  },
  /** A Python that can `import asyncua` (an OPC UA server that is not ours). */
  asyncua: { find: () => pythonWith(venvPython, 'asyncua'), pypi: ['asyncua==1.1.8'] },
  /** A Python that can `import aas_test_engines` (the tester of the IDTA for the Asset Administration Shell). */
  'aas-test-engines': { find: () => pythonWith(venvPython, 'aas_test_engines'), pypi: ['aas_test_engines==1.0.3'] },
  /** A Python that can `import confluent_kafka` of today's librdkafka, with all of its requests. */
  'confluent-kafka-2': { find: () => pythonWith(venvPython, 'confluent_kafka'), pypi: ['confluent-kafka==2.16.1'] },
  /** A Python that can `import kafka` (kafka-python). */
  'kafka-python': { find: () => pythonWith('/usr/bin/python3', 'kafka'), debian: ['python3-kafka'] },
  /** The program of `test/oracles/go` (franz-go), newer than its source. */
  franz: { find: findFranz, script: { path: 'oracles/franz.sh', folder: toolFolder('go') } },
  /** The folder of librdkafka's own test suite, built. */
  'librdkafka-tests': {
    find: () => findSuite(`${toolFolder('librdkafka')}/tests`),
    debian: ['gcc', 'g++', 'make', 'zlib1g-dev', 'libssl-dev', 'libzstd-dev', 'rapidjson-dev'],
    script: { path: 'oracles/librdkafka.sh', folder: toolFolder('librdkafka') },
  },
  /** A JDK: it runs Java that is a source file. */
  javac: { find: () => onPath('javac'), debian: ['default-jdk-headless'] },
  /** A folder with `node_modules/onnxruntime-node`. */
  'onnxruntime-node': {
    find: () => existing(toolFolder('npm'), 'node_modules/onnxruntime-node/package.json'),
    npm: { folder: toolFolder('npm'), packages: [`onnxruntime-node@${ONNXRUNTIME}`] },
  },
  /** The folder of S3Proxy's jars. */
  s3proxy: {
    find: () => (onPath('java') === undefined ? undefined : existing(toolFolder('s3'), `s3proxy-${S3PROXY}.jar`)),
    maven: { pom: 's3/pom.xml', folder: toolFolder('s3'), properties: { s3proxy: S3PROXY } },
  },
  /** The folder of Apache Kafka's jars; it runs on Java 17 or newer. */
  kafka: { find: findKafka, maven: { pom: 'kafka/pom.xml', folder: kafkaFolder(), properties: { kafka: KAFKA } } },
} as const satisfies { [name: string]: Tool }

interface Tool {
  find(): string | undefined
  /** Debian packages that bring it. */
  readonly debian?: readonly string[]
  /** Packages from PyPI, put into the virtual environment `.tools/python`. */
  readonly pypi?: readonly string[]
  /** Packages of npm that are no dependencies, and the folder that they are put into; their scripts are not run. */
  readonly npm?: { readonly folder: string; readonly packages: readonly string[] }
  /** Jars from Maven Central: a project beside this file, and the folder that its dependencies are copied to. */
  readonly maven?: MavenProject
  /** A script beside this file that makes it, in the folder that it is given. */
  readonly script?: { readonly path: string; readonly folder: string }
}

export interface MavenProject {
  readonly pom: string
  readonly folder: string
  readonly properties: { readonly [name: string]: string }
}

export type ToolName = keyof typeof TOOLS

export const venv = fileURLToPath(new URL('../.tools/python', import.meta.url))
const venvPython = `${venv}/bin/python3`

/**
 * Where a tool is. Undefined where it is missing: the test then skips, saying so. Under `CI=true` nothing may be
 * skipped, so there it throws.
 */
export function need(name: ToolName): string | undefined {
  const path = TOOLS[name].find()
  if (path === undefined && process.env['CI'] === 'true') {
    throw new Error(`Cannot run without "${name}": it is not installed, want "npm test" to have installed it`)
  }
  return path
}

/** Where a program is, as a shell finds it. */
export function onPath(program: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/bin']
  return folders.map((folder) => `${folder}/${program}`).find((path) => existsSync(path))
}

function pythonWith(python: string, module: string): string | undefined {
  if (!existsSync(python)) return undefined
  return spawnSync(python, ['-c', `import ${module}`], { stdio: 'ignore' }).status === 0 ? python : undefined
}

function toolFolder(name: string): string {
  return fileURLToPath(new URL(`../.tools/${name}`, import.meta.url))
}

function existing(folder: string, file: string): string | undefined {
  return existsSync(`${folder}/${file}`) ? folder : undefined
}

function findFranz(): string | undefined {
  const program = `${toolFolder('go')}/franz`
  const sources = fileURLToPath(new URL('../test/oracles/go', import.meta.url))
  if (!existsSync(program)) return undefined
  const made = statSync(program).mtimeMs
  return readdirSync(sources).every((name) => statSync(`${sources}/${name}`).mtimeMs <= made) ? program : undefined
}

/** Without RapidJSON it is built too, but tests of it then skip themselves. */
function findSuite(folder: string): string | undefined {
  const settings = `${folder}/../config.h`
  if (!existsSync(`${folder}/test-runner`) || !existsSync(settings)) return undefined
  return readFileSync(settings, 'utf8').includes('#define WITH_RAPIDJSON 1') ? folder : undefined
}

function kafkaFolder(): string {
  return toolFolder('kafka')
}

function findKafka(): string | undefined {
  const there = onPath('java') !== undefined && existsSync(`${kafkaFolder()}/kafka_2.13-${KAFKA}.jar`)
  return there ? kafkaFolder() : undefined
}
