import { once } from 'node:events'
import { connect } from 'node:net'
import type { TestContext } from 'node:test'
import { WebSocket } from 'ws'
import { Alarms } from '../../src/alarms/alarms.ts'
import { stepRecord } from '../../src/alarms/step-record.ts'
import { AlarmViews } from '../../src/api/alarm-views.ts'
import { createApi, type Api, type ApiOptions } from '../../src/api/api.ts'
import type { LiveMessage } from '../../src/api/contract.ts'
import type { OeeView } from '../../src/api/contract-oee.ts'
import { EventViews } from '../../src/api/event-views.ts'
import { HistoryViews } from '../../src/api/history-views.ts'
import { CommandViews } from '../../src/api/command-views.ts'
import { LogViews } from '../../src/api/log-views.ts'
import { MemoryHub } from '../../src/api/memory-hub.ts'
import { AuditLog } from '../../src/audit/audit-log.ts'
import { Commands } from '../../src/commands/commands.ts'
import { Requests } from '../../src/commands/requests.ts'
import { Events } from '../../src/events/events.ts'
import { AlarmDecoder } from '../../src/flow/alarm-entries.ts'
import { ViewRun } from '../../src/flow/views.ts'
import type { HistoryReader } from '../../src/historian/history-reader.ts'
import type { Appended } from '../../src/log/log.ts'
import { MemoryLog } from '../../src/log/memory/memory-log.ts'
import type { AlarmTransition } from '../../src/model/alarm.ts'
import { systemClock } from '../../src/system/clock.ts'
import { fileDisk } from '../../src/system/file-disk.ts'
import { silentLogger } from '../../src/system/logger.ts'
import { Metrics } from '../../src/system/metrics.ts'
import { nodeNet } from '../../src/system/node-net.ts'
import { systemRandom } from '../../src/system/random.ts'
import { Secret } from '../../src/system/secret.ts'
import type { System } from '../../src/system/system.ts'
import { until } from '../until.ts'

const SITE = 'acme/berlin'
const ALARMS = 'acme.berlin.alarms'
export const PRESS = 'acme/berlin/press-shop/line1/press7'

export const READER = 'reader-token-1'
export const WRITER = 'writer-token-1'

/** Two tokens: one may read, one may write only. */
export const TOKENS = [
  { name: 'anna', token: new Secret(READER), can: ['read'] },
  { name: 'line-pc', token: new Secret(WRITER), can: ['write'] },
] as const

export interface TestServer {
  readonly hub: MemoryHub
  /** What the route of OEE answers. */
  readonly shown: { oee?: OeeView }
  /** What the routes of the log show. */
  readonly memory: MemoryLog
  /** Steps of alarms, by way of the log; resolves when the server shows them. */
  readonly tell: (...steps: readonly AlarmTransition[]) => Promise<void>
  readonly api: Api
  readonly port: number
  readonly url: string
}

/** A real server on a free loopback port, closed with the test. */
export async function startServer(
  t: TestContext,
  options: Partial<ApiOptions['config']> &
    Pick<ApiOptions, 'limits' | 'past'> & { pageFolder?: string; hub?: MemoryHub; history?: HistoryReader } = {},
): Promise<TestServer> {
  const { limits, pageFolder = '/nowhere', hub = new MemoryHub(), history, past, ...config } = options
  const { log, memory, tracked, alarms, events, oee, commands, audit, shown } = memoryViews(hub)
  await memory.ensure(['commands', 'audit'].map((kind) => ({ name: `acme.berlin.${kind}`, partitions: 1 })))
  const tell = await runView(t, memory, tracked)
  const api = createApi({
    log,
    alarms,
    events,
    oee,
    ...(past && { past }),
    ...(history && { history: new HistoryViews({ hub, site: SITE, reader: history }) }),
    commands,
    audit,
    config: { listen: { host: '127.0.0.1', port: 0 }, tokens: [], hosts: [], ...config },
    hub,
    system: testSystem(),
    pageFolder,
    ...(limits === undefined ? {} : { limits }),
  })
  const { port } = await api.listen()
  t.after(() => api.close())
  return { hub, shown, memory, tell, api, port, url: `http://127.0.0.1:${port}` }
}

/** A hub and a log in memory, and the views of both that a server shows. */
export function memoryViews(hub = new MemoryHub()) {
  const memory = new MemoryLog({ clock: systemClock })
  const log = new LogViews({ log: memory, readers: () => hub.readers, system: { clock: systemClock } })
  const tracked = new Alarms({ site: SITE, directory: '/nowhere', system: testSystem() })
  const alarms = new AlarmViews({ site: SITE, alarms: tracked, log: memory, system: { clock: systemClock } })
  const view = new Events({ site: SITE, directory: '/nowhere', partitions: 1, system: testSystem() })
  const events = new EventViews({ events: view, log: memory, topic: `${SITE.replace('/', '.')}.events`, site: SITE })
  const commands = memoryCommands(memory)
  const shown: TestServer['shown'] = {}
  const oee = { oee: () => Promise.resolve(shown.oee) }
  return { hub, memory, log, tracked, alarms, events, oee, ...commands, shown }
}

/** Commands of a plant whose models declare none. */
function memoryCommands(log: MemoryLog) {
  const system = testSystem()
  const commands = new Commands({ directory: '/nowhere', system })
  const nothing = () => undefined
  const machines = {
    isShared: false,
    points: () => [],
    point: nothing,
    known: nothing,
    reported: nothing,
    reaching: nothing,
  }
  const audit = new AuditLog({ site: SITE, chain: 'test', log, directory: '/nowhere', system })
  const own = { site: SITE, commands, machines, log, system }
  const requests = new Requests({ ...own, run: 'test', audit, notReady: nothing, onReady: nothing })
  return { commands: new CommandViews({ ...own, requests }), audit }
}

/** Keeps the alarms from the log in memory until the test ends. */
async function runView(t: TestContext, log: MemoryLog, tracked: Alarms): Promise<TestServer['tell']> {
  await log.ensure([{ name: ALARMS, partitions: 1 }])
  const system = testSystem()
  const stop = new AbortController()
  void new ViewRun(tracked, { log, topics: [ALARMS], decoder: new AlarmDecoder(system), system }).run(stop.signal)
  t.after(() => stop.abort())
  return async (...steps) => {
    const records = steps.map((step) => stepRecord(step, systemClock.now()))
    const [{ nextOffset }] = (await log.append(ALARMS, records)) as [Appended]
    await until(() => (tracked.positions()[0]?.offset ?? 0) >= nextOffset)
  }
}

export function testSystem(): System {
  return {
    clock: systemClock,
    random: systemRandom,
    disk: fileDisk,
    net: nodeNet,
    logger: silentLogger,
    metrics: new Metrics(),
  }
}

/** Sends bytes as they are and answers everything that comes back until the server closes. */
export async function sendRaw(port: number, ...parts: readonly (string | Buffer)[]): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  // A server that answers and closes while we still send resets the connection; what it said is what counts.
  socket.on('error', () => {})
  for (const part of parts) socket.write(part)
  await new Promise((resolve) => socket.once('close', resolve))
  return Buffer.concat(chunks).toString()
}

/** The status of the first answer in raw bytes. */
export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1])
}

/** The code of the problem an answer holds. */
export async function codeOf(answer: Response): Promise<string> {
  const { code, message } = problemIn((await answer.json()) as Problem)
  if (typeof message !== 'string' || message.endsWith('.')) throw new Error(`Not a problem: ${message}`)
  return code
}

interface Problem {
  readonly code: string
  readonly message: string
  /** As the door of the Asset Administration Shell says it. */
  readonly messages?: readonly { readonly code: string; readonly text: string }[]
  /** As the i3X door says it. */
  readonly responseDetail?: { readonly code: string; readonly detail: string }
}

function problemIn({ code, message, messages, responseDetail }: Problem): Pick<Problem, 'code' | 'message'> {
  if (responseDetail !== undefined) return { code: responseDetail.code, message: responseDetail.detail }
  const told = messages?.[0]
  return told === undefined ? { code, message } : { code: told.code, message: told.text }
}

/** A live stream with its messages so far, and a way to wait for one that fits. */
export class LiveProbe {
  readonly socket: WebSocket
  readonly messages: LiveMessage[] = []
  readonly #waiting = new Set<() => void>()

  constructor(port: number, headers: { readonly [name: string]: string } = {}) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/api/v1/live`, { headers })
    this.socket.on('message', (data) => {
      this.messages.push(JSON.parse((data as Buffer).toString()) as LiveMessage)
      for (const wake of this.#waiting) wake()
    })
  }

  async open(request: unknown): Promise<this> {
    await once(this.socket, 'open')
    this.socket.send(JSON.stringify(request))
    return this
  }

  /** The first message, old or new, that fits. */
  async find(fits: (message: LiveMessage) => boolean): Promise<LiveMessage> {
    for (;;) {
      const found = this.messages.find(fits)
      if (found !== undefined) return found
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#waiting.delete(wake)
          resolve()
        }
        this.#waiting.add(wake)
      })
    }
  }
}
