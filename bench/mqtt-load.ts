import * as net from 'node:net'
import { once } from 'node:events'
import { parseArgs } from 'node:util'

/**
 * Load on an MQTT server, as cheap as JavaScript makes it, because it shares the machine with what it measures: every
 * connection's packets are made once, lie in one buffer with packet ids 1 to WINDOW, and are sent as slices of it.
 *
 *     node bench/mqtt-load.ts --url mqtt://127.0.0.1:1883 --connections 20 --window 1000 --qos 1 --seconds 10
 *
 * Without `--rate` every connection keeps its window full and the figure is messages acknowledged a second. With it,
 * messages leave by the clock and latency counts from when a message was due, not from when it could leave.
 */
const HELP = `--url mqtt://[user:password@]host:port  --connections 20  --window 1000  --qos 0|1|2
--payload raw|json  --size 150 (raw: payload in bytes)  --topic load/{n}  --seconds 10  --rate 0 (all together, a second)
--json`

interface Options {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly connections: number
  readonly window: number
  readonly qos: 0 | 1 | 2
  readonly payload: string
  readonly size: number
  readonly topic: string
  readonly seconds: number
  readonly rate: number
}

interface Result {
  readonly messages: number
  readonly seconds: number
  readonly messagesPerSecond: number
  /** From due to acknowledged, ms; only with a rate. */
  readonly p50: number | null
  readonly p99: number | null
  readonly max: number | null
  readonly bytesPerMessage: number
  readonly cpuSeconds: number
  readonly errors: readonly string[]
}

const PUBACK = 0x40
const PUBREC = 0x50
const PUBCOMP = 0x70

async function main(): Promise<void> {
  const { options, json } = readOptions()
  const result = await run(options)
  if (json) console.log(JSON.stringify(result))
  else print(result)
  process.exit(result.errors.length > 0 ? 1 : 0)
}

async function run(options: Options): Promise<Result> {
  const errors: string[] = []
  const senders = await Promise.all(
    Array.from({ length: options.connections }, (_, index) => dial(options, index, errors)),
  )
  const cpu = process.cpuUsage()
  const begin = performance.now()
  const end = begin + options.seconds * 1000
  for (const sender of senders) sender.start(end)
  const pacing = options.rate > 0 ? pace(senders, options.rate, begin, end) : undefined
  await sleep(options.seconds * 1000)
  const acknowledged = senders.reduce((sum, sender) => sum + sender.acknowledged, 0)
  const elapsed = (performance.now() - begin) / 1000
  clearInterval(pacing)
  const { user, system } = process.cpuUsage(cpu)
  // What is still on its way belongs to the latencies, not to the rate.
  await Promise.race([Promise.all(senders.map((sender) => sender.drained())), sleep(5000)])
  const late = senders.filter((sender) => sender.inFlight > 0).length
  if (late > 0 && options.qos > 0) errors.push(`${late} connections still wait for acknowledgements after 5 s`)
  for (const sender of senders) sender.close()
  const latencies = Float64Array.from(senders.flatMap((sender) => sender.latencies)).sort()
  const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? null
  return {
    messages: acknowledged,
    seconds: round(elapsed),
    messagesPerSecond: Math.round(acknowledged / elapsed),
    p50: round(at(0.5)),
    p99: round(at(0.99)),
    max: round(at(1)),
    bytesPerMessage: senders[0]!.packetSize,
    cpuSeconds: round((user + system) / 1e6),
    errors,
  }
}

/** Hands out what is due every few milliseconds, connection by connection. */
function pace(senders: Sender[], rate: number, begin: number, end: number): NodeJS.Timeout {
  let sent = 0
  return setInterval(() => {
    const now = performance.now()
    if (now >= end) return
    const due = Math.floor(((now - begin) / 1000) * rate)
    // Each connection gets its share in one write, with the time at which the middle of it was due.
    const share = Math.ceil((due - sent) / senders.length)
    for (let index = 0; index < senders.length && sent < due; index++) {
      const count = Math.min(share, due - sent)
      senders[index]!.offer(count, begin + ((sent + count / 2) / rate) * 1000)
      sent += count
    }
    senders.push(senders.shift()!)
  }, 2)
}

class Sender {
  readonly socket: net.Socket
  readonly packetSize: number
  readonly latencies: number[] = []
  acknowledged = 0
  inFlight = 0
  /** Whether it is we who close. */
  closing = false
  readonly #options: Options
  readonly #packets: Buffer
  readonly #releases: Buffer
  readonly #dueAt: Float64Array
  /** Next packet to go, next to be acknowledged, next to be released (QoS 2), as index into the window. */
  #next = 0
  #oldest = 0
  #release = 0
  /** Due but not in the window yet, as [count, due at]. */
  readonly #backlog: [number, number][] = []
  #end = 0
  #rest: Buffer = Buffer.alloc(0)
  #done: (() => void) | undefined

  constructor(socket: net.Socket, options: Options, index: number) {
    this.socket = socket
    this.#options = options
    const topic = options.topic.replaceAll('{n}', String(index))
    const packets = Array.from({ length: options.window }, (_, id) =>
      publishPacket(topic, payload(options, id), options.qos, id + 1),
    )
    this.packetSize = packets[0]!.length
    this.#packets = Buffer.concat(packets)
    this.#releases = Buffer.concat(packets.map((_, id) => Buffer.from([0x62, 2, (id + 1) >> 8, (id + 1) & 0xff])))
    this.#dueAt = new Float64Array(options.window)
  }

  start(end: number): void {
    this.#end = end
    this.socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    if (this.#options.qos === 0) this.#flood()
    else if (this.#options.rate === 0) this.#send(this.#options.window)
  }

  /** So many messages are due. */
  offer(count: number, dueAt: number): void {
    if (this.#options.qos === 0) {
      this.#send(count)
      this.inFlight = 0
      this.acknowledged += count
      return
    }
    this.#backlog.push([count, dueAt])
    this.#sendBacklog()
  }

  close(): void {
    this.closing = true
    this.socket.destroy()
  }

  async drained(): Promise<void> {
    if (this.inFlight === 0 || this.#options.qos === 0) return
    await new Promise<void>((resolve) => {
      this.#done = resolve
    })
  }

  #sendBacklog(): void {
    while (this.#backlog.length > 0 && this.inFlight < this.#options.window) {
      const first = this.#backlog[0]!
      const count = Math.min(first[0], this.#options.window - this.inFlight)
      for (let index = 0; index < count; index++) this.#dueAt[(this.#next + index) % this.#options.window] = first[1]
      this.#send(count)
      first[0] -= count
      if (first[0] === 0) this.#backlog.shift()
    }
  }

  #send(count: number): boolean {
    const { window } = this.#options
    let going = true
    let left = count
    while (left > 0) {
      const run = Math.min(left, window - this.#next)
      going = this.socket.write(
        this.#packets.subarray(this.#next * this.packetSize, (this.#next + run) * this.packetSize),
      )
      this.#next = (this.#next + run) % window
      left -= run
    }
    this.inFlight += count
    return going
  }

  #flood(): void {
    while (performance.now() < this.#end) {
      const going = this.#send(this.#options.window)
      this.inFlight = 0
      this.acknowledged += this.#options.window
      if (!going) {
        this.socket.once('drain', () => this.#flood())
        return
      }
    }
  }

  /** All answers have four bytes, in the order of the messages. */
  #receive(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const whole = bytes.length - (bytes.length % 4)
    let acks = 0
    let received = 0
    for (let at = 0; at < whole; at += 4) {
      if (bytes[at] === PUBACK || bytes[at] === PUBCOMP) acks++
      else if (bytes[at] === PUBREC) received++
      else this.socket.destroy(new Error(`unexpected packet ${bytes[at]}`))
    }
    this.#rest = bytes.subarray(whole)
    if (received > 0) this.#sendReleases(received)
    if (acks > 0) this.#acknowledge(acks)
  }

  #sendReleases(count: number): void {
    let left = count
    while (left > 0) {
      const run = Math.min(left, this.#options.window - this.#release)
      this.socket.write(this.#releases.subarray(this.#release * 4, (this.#release + run) * 4))
      this.#release = (this.#release + run) % this.#options.window
      left -= run
    }
  }

  #acknowledge(count: number): void {
    const now = performance.now()
    const { window, rate } = this.#options
    if (rate > 0) {
      for (let index = 0; index < count; index++) {
        this.latencies.push(Math.max(0, now - this.#dueAt[(this.#oldest + index) % window]!))
      }
    }
    this.#oldest = (this.#oldest + count) % window
    this.inFlight -= count
    this.acknowledged += count
    if (now < this.#end) {
      if (rate > 0) this.#sendBacklog()
      else this.#send(count)
    } else if (this.inFlight === 0) this.#done?.()
  }
}

async function dial(options: Options, index: number, errors: string[]): Promise<Sender> {
  const socket = net.connect({ host: options.host, port: options.port, noDelay: true })
  await once(socket, 'connect')
  socket.write(connectPacket(`load-${process.pid}-${index}`, options))
  const [answer] = (await once(socket, 'data')) as [Buffer]
  if (answer[0] !== 0x20 || answer[3] !== 0) throw new Error(`Cannot connect: CONNACK is ${answer.toString('hex')}`)
  const sender = new Sender(socket, options, index)
  socket.on('error', (error) => errors.push(error.message))
  socket.on('close', () => {
    if (!sender.closing) errors.push(`connection ${index} was closed`)
  })
  return sender
}

function connectPacket(clientId: string, options: Options): Buffer {
  const named = options.user !== ''
  const rest = named ? [text(options.user), text(options.password)] : []
  return packet(0x10, text('MQTT'), Buffer.from([4, named ? 0xc2 : 2, 0, 60]), text(clientId), ...rest)
}

function publishPacket(topic: string, body: Buffer, qos: number, id: number): Buffer {
  const idBytes = qos === 0 ? Buffer.alloc(0) : Buffer.from([id >> 8, id & 0xff])
  return packet(0x30 | (qos << 1), text(topic), idBytes, body)
}

function payload(options: Options, index: number): Buffer {
  if (options.payload === 'raw')
    return Buffer.from(Array.from({ length: options.size }, (_, at) => (index * 31 + at * 7) & 0xff))
  // Always as long, so that a window is one buffer of equal packets; about 150 bytes.
  const number = (least: number, span: number) => (least + ((index * 7919) % span) + 0.25).toFixed(2)
  return Buffer.from(
    `{"temperature":${number(100, 800)},"vibration":${number(10, 80)},"pressure":${number(1000, 8000)},` +
      `"speed":${number(100, 800)},"energy":${number(10000, 80000)},"cycles":${1_000_000 + index},"running":true}`,
  )
}

function packet(first: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  const length: number[] = []
  let left = body.length
  do {
    length.push(left > 0x7f ? (left & 0x7f) | 0x80 : left)
    left >>= 7
  } while (left > 0)
  return Buffer.concat([Buffer.from([first, ...length]), body])
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
}

function readOptions(): { options: Options; json: boolean } {
  const string = (fallback: string) => ({ type: 'string', default: fallback }) as const
  const { values } = parseArgs({
    options: {
      url: string('mqtt://127.0.0.1:1883'),
      connections: string('20'),
      window: string('1000'),
      qos: string('1'),
      payload: string('raw'),
      size: string('150'),
      topic: string('load/{n}'),
      seconds: string('10'),
      rate: string('0'),
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(HELP)
    process.exit(0)
  }
  const url = new URL(values.url)
  const options = {
    host: url.hostname,
    port: Number(url.port || 1883),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    connections: Number(values.connections),
    window: Math.min(65_535, Number(values.window)),
    qos: Number(values.qos) as 0 | 1 | 2,
    payload: values.payload,
    size: Number(values.size),
    topic: values.topic,
    seconds: Number(values.seconds),
    rate: Number(values.rate),
  }
  return { options, json: values.json }
}

function print(result: Result): void {
  console.log(
    `${result.messagesPerSecond.toLocaleString('en')} msg/s acknowledged (${result.messages.toLocaleString('en')} in ${result.seconds} s)`,
  )
  if (result.p50 !== null) console.log(`latency p50 ${result.p50} ms, p99 ${result.p99} ms, max ${result.max} ms`)
  console.log(`${result.bytesPerMessage} bytes a packet, generator CPU ${result.cpuSeconds} s`)
  for (const error of result.errors) console.log(`error: ${error}`)
}

function round<T extends number | null>(value: T): T {
  return (value === null ? null : Math.round(value * 100) / 100) as T
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

await main()
