import { once } from 'node:events'
import * as net from 'node:net'
import { Frames } from '../../src/log/wire/frames.ts'
import { Reader } from '../../src/log/wire/reader.ts'
import { Writer } from '../../src/log/wire/writer.ts'
import type { Address } from '../../src/system/net.ts'

/** Numbers of the APIs, and the first flexible version of each. */
export const API = {
  produce: { key: 0, flexible: 9 },
  fetch: { key: 1, flexible: 12 },
  listOffsets: { key: 2, flexible: 6 },
  metadata: { key: 3, flexible: 9 },
  offsetCommit: { key: 8, flexible: 8 },
  offsetFetch: { key: 9, flexible: 6 },
  findCoordinator: { key: 10, flexible: 3 },
  joinGroup: { key: 11, flexible: 6 },
  heartbeat: { key: 12, flexible: 4 },
  leaveGroup: { key: 13, flexible: 4 },
  syncGroup: { key: 14, flexible: 4 },
  describeGroups: { key: 15, flexible: 5 },
  listGroups: { key: 16, flexible: 3 },
  saslHandshake: { key: 17, flexible: 100 },
  apiVersions: { key: 18, flexible: 3 },
  createTopics: { key: 19, flexible: 5 },
  deleteTopics: { key: 20, flexible: 4 },
  deleteRecords: { key: 21, flexible: 2 },
  initProducerId: { key: 22, flexible: 2 },
  offsetForLeaderEpoch: { key: 23, flexible: 4 },
  describeAcls: { key: 29, flexible: 2 },
  describeConfigs: { key: 32, flexible: 4 },
  alterConfigs: { key: 33, flexible: 2 },
  describeLogDirs: { key: 35, flexible: 2 },
  saslAuthenticate: { key: 36, flexible: 2 },
  createPartitions: { key: 37, flexible: 2 },
  deleteGroups: { key: 42, flexible: 2 },
  incrementalAlterConfigs: { key: 44, flexible: 1 },
  offsetDelete: { key: 47, flexible: 100 },
  describeCluster: { key: 60, flexible: 0 },
  describeProducers: { key: 61, flexible: 0 },
} as const

export type ApiName = keyof typeof API

/** A client that says exactly what a test wants said, byte by byte if need be. */
export class RawClient {
  readonly #socket: net.Socket
  readonly #frames = new Frames(2 ** 30)
  readonly #waiting: ((response: Buffer) => void)[] = []
  readonly #arrived: Buffer[] = []
  #correlationId = 0
  /** Resolves when the broker has closed the connection. */
  readonly closed: Promise<void>

  constructor(socket: net.Socket) {
    this.#socket = socket
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()))
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
  }

  static async connect(to: Address): Promise<RawClient> {
    const socket = net.connect(to.port, to.host)
    await once(socket, 'connect')
    socket.setNoDelay(true)
    return new RawClient(socket)
  }

  get bytesRead(): number {
    return this.#socket.bytesRead
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  /** Stops or goes on taking answers: a slow reader. */
  read(on: boolean): void {
    if (on) this.#socket.resume()
    else this.#socket.pause()
  }

  /** Sends a request; resolves with the body of the next response, which must be its own. */
  async request(api: ApiName, version: number, write: (body: Writer) => void): Promise<Reader> {
    const { bytes, correlationId } = this.encode(api, version, write)
    this.send(bytes)
    const response = await this.next()
    const body = new Reader(response)
    if (body.int32() !== correlationId) throw new Error('The response is of another request')
    body.flexible = version >= API[api].flexible
    if (api !== 'apiVersions') body.tags()
    return body
  }

  encode(api: ApiName, version: number, write: (body: Writer) => void): { bytes: Buffer; correlationId: number } {
    const { key, flexible } = API[api]
    const correlationId = ++this.#correlationId
    const writer = new Writer(version >= flexible)
    writer.int16(key)
    writer.int16(version)
    writer.int32(correlationId)
    writer.int16(-1) // no client id
    writer.tags()
    write(writer)
    return { bytes: Buffer.concat(writer.finish()), correlationId }
  }

  /** The next response, without its size prefix. */
  next(): Promise<Buffer> {
    const arrived = this.#arrived.shift()
    return arrived ? Promise.resolve(arrived) : new Promise((resolve) => this.#waiting.push(resolve))
  }

  close(): void {
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    this.#frames.push(chunk)
    for (let one = this.#frames.next(); one; one = this.#frames.next()) {
      const waiting = this.#waiting.shift()
      if (waiting) waiting(one)
      else this.#arrived.push(one)
    }
  }
}
