import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from '../free-ports.ts'

/** Storage that speaks S3, with a bucket in a folder. */
export interface S3Server extends AsyncDisposable {
  readonly endpoint: string
  readonly bucket: string
  readonly accessKey: string
  readonly secretKey: string
  /** Where the objects of the bucket lie as files. */
  readonly folder: string
  /** Ends its process; the objects stay, for `start`. */
  stop(): Promise<void>
  start(): Promise<void>
}

const KEYS = { accessKey: 'millrace', secretKey: 'not-a-secret' } as const
const BUCKET = 'lake'
const READY_MS = 60_000

/** Starts S3Proxy out of its folder of jars. @throws Error where it does not answer */
export async function startS3(jars: string): Promise<S3Server> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-s3-'))
  const folder = join(directory, 'objects', BUCKET)
  await mkdir(folder, { recursive: true })
  const [port] = (await freePorts(1)) as [number]
  const endpoint = `http://127.0.0.1:${port}`
  const properties = join(directory, 's3proxy.properties')
  const settings = {
    's3proxy.authorization': 'aws-v2-or-v4',
    's3proxy.endpoint': endpoint,
    's3proxy.identity': KEYS.accessKey,
    's3proxy.credential': KEYS.secretKey,
    'jclouds.provider': 'filesystem',
    'jclouds.filesystem.basedir': join(directory, 'objects'),
  }
  await writeFile(
    properties,
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  )
  const server = new Process(jars, properties, endpoint)
  await server.start()
  return {
    endpoint,
    bucket: BUCKET,
    ...KEYS,
    folder,
    stop: () => server.stop(),
    start: () => server.start(),
    async [Symbol.asyncDispose]() {
      await server.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

class Process {
  readonly #jars: string
  readonly #properties: string
  readonly #endpoint: string
  #child: ReturnType<typeof spawn> | undefined
  #said = ''

  constructor(jars: string, properties: string, endpoint: string) {
    this.#jars = jars
    this.#properties = properties
    this.#endpoint = endpoint
  }

  async start(): Promise<void> {
    const args = ['-Xmx256m', '-cp', `${this.#jars}/*`, 'org.gaul.s3proxy.Main', '--properties', this.#properties]
    const child = spawn('java', args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (this.#said = (this.#said + text).slice(-4_000)))
    const deadline = performance.now() + READY_MS
    while (!(await answers(this.#endpoint))) {
      if (child.exitCode !== null || performance.now() > deadline)
        throw new Error(`Cannot start S3Proxy: it does not answer at ${this.#endpoint}:\n${this.#said}`)
      await sleep(100)
    }
  }

  async stop(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
}

/** Whether somebody answers, whatever it says. */
async function answers(endpoint: string): Promise<boolean> {
  return fetch(endpoint, { signal: AbortSignal.timeout(2_000) }).then(
    () => true,
    () => false,
  )
}
