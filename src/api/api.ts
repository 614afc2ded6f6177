import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Audit } from '../component/audit.ts'
import type { HttpHost } from '../component/http.ts'
import type { ApiConfig } from '../config/plant.ts'
import { LogError } from '../log/log.ts'
import type { Address, Listener } from '../system/net.ts'
import type { System } from '../system/system.ts'
import { loadedAas } from './aas/loaded.ts'
import type { AlarmViews } from './alarm-views.ts'
import { Auth, type Caller, type Need } from './auth.ts'
import type { CommandViews } from './command-views.ts'
import { ApiError } from './errors.ts'
import { EventStreams } from './event-streams.ts'
import type { EventsPort } from './events-port.ts'
import type { ForecastPort } from './forecast-port.ts'
import { Gate } from './gate.ts'
import type { HistoryPort } from './history-port.ts'
import type { HubPort } from './hub-port.ts'
import { sendProblem } from './i3x/answers.ts'
import { I3X_BASE } from './i3x/routes.ts'
import { Subscriptions } from './i3x/subscriptions.ts'
import { API_LIMITS, type ApiLimits } from './limits.ts'
import { Live } from './live.ts'
import type { LogPort } from './log-port.ts'
import { Mounts } from './mounts.ts'
import { AllowedHosts, isLoopback } from './origin.ts'
import type { OeePort } from './oee-port.ts'
import { Page } from './page.ts'
import type { PastPort } from './past-port.ts'
import { isPart, withParts } from './part-routes.ts'
import { answerBroken, answerRaw, view } from './raw-answer.ts'
import { RateLimit } from './rate.ts'
import type { Desk, Route } from './desk.ts'
import { ROUTES } from './routes.ts'
import { allowedMethods } from './methods.ts'

/** Bodies that are taken: JSON, JSON by the line, and CloudEvents 1.0 (HTTP Protocol Binding, clauses 3.2 and 3.3). */
const BODY_TYPES = [
  'application/json',
  'application/x-ndjson',
  'application/ndjson',
  'application/cloudevents+json',
  'application/cloudevents-batch+json',
]

export interface ApiOptions {
  readonly config: ApiConfig
  readonly hub: HubPort
  readonly log: LogPort
  readonly alarms: AlarmViews
  readonly events: EventsPort
  readonly commands: CommandViews
  readonly audit: Audit
  readonly oee: OeePort
  /** Absent: the hub keeps no history. */
  readonly history?: HistoryPort
  /** The plant as it was. */
  readonly past?: PastPort
  /** The plant as it may become. */
  readonly forecasts?: ForecastPort
  readonly system: System
  /** Where Vite put the browser application: `ui/dist`. */
  readonly pageFolder: string
  readonly limits?: Partial<ApiLimits>
}

/** The hub's HTTP server: REST, live stream, page, and the routes that sources mount. */
export interface Api {
  /** Where sources mount their routes; usable before `listen`. */
  readonly host: HttpHost
  /**
   * Starts answering; resolves with the real address (a configured port 0 is resolved).
   * @throws ApiError `OPEN_BEYOND_LOOPBACK`; a Node system error where the port cannot be had
   */
  listen(): Promise<Address>
  /** Stops taking requests, lets those in flight end (bounded), and closes every connection. */
  close(): Promise<void>
}

export function createApi(options: ApiOptions): Api {
  return new ApiServer(options)
}

class ApiServer implements Api {
  readonly host: Mounts = new Mounts()
  readonly #options: ApiOptions
  readonly #limits: ApiLimits
  readonly #app: FastifyInstance
  readonly #live: Live
  readonly #gate: Gate
  readonly #desk: Desk
  readonly #callers = new WeakMap<FastifyRequest, Caller>()
  readonly #sockets = new Set<Socket>()
  #listener: Listener | undefined
  #bodies = 0

  constructor(options: ApiOptions) {
    const { config, hub, alarms, system } = options
    const { clock, random } = system
    const limits = { ...API_LIMITS, ...options.limits }
    const auth = new Auth({
      tokens: config.tokens,
      clock,
      random,
      sessions: limits.sessions,
      sessionMs: limits.sessionMs,
    })
    // Cookies know no port: its number in the name keeps two hubs on one machine from logging each other out.
    const cookie = () => `millrace_${this.#listener?.address.port ?? 0}`
    this.#options = options
    this.#limits = limits
    this.#gate = new Gate({
      auth,
      hosts: new AllowedHosts(config.listen.host, config.hosts),
      requests: new RateLimit(clock, limits.requestsPerSecond, 2 * limits.requestsPerSecond),
      wrongTokens: new RateLimit(clock, 0.1, limits.wrongTokens),
      cookie,
    })
    this.#live = new Live({ hub, alarms, system, limits, holds: (caller) => auth.holds(caller) })
    this.#desk = {
      hub,
      log: options.log,
      alarms,
      events: options.events,
      commands: options.commands,
      audit: options.audit,
      oee: options.oee,
      aas: loadedAas(config.aas ?? []),
      streams: new EventStreams({ clock, limits, holds: (caller) => auth.holds(caller) }),
      history: options.history,
      i3x: new Subscriptions({ hub, clock, random, limits }),
      past: options.past,
      forecasts: options.forecasts,
      auth,
      clock,
      limits,
      mounts: this.host,
      gate: this.#gate,
      page: new Page(system.disk, options.pageFolder),
      cookie: { name: cookie, secure: config.tls !== undefined },
      caller: (request) => this.#callers.get(request),
      absent: (request, reply) => absent(request, reply, this.#desk),
    }
    this.#app = this.#createApp()
  }

  async listen(): Promise<Address> {
    const { config, system } = this.#options
    refuseOpenBeyondLoopback(config)
    this.#addRoutes()
    await this.#desk.page.load()
    await this.#app.ready()
    const { server } = this.#app
    server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) =>
      this.#upgrade(request, socket, head),
    )
    // The server is fed sockets by the injected net, and Node arms its time limits on this event.
    server.emit('listening')
    this.#listener = await system.net.listen(config.listen, config.tls, (socket) => this.#accept(socket))
    return this.#listener.address
  }

  async close(): Promise<void> {
    const closed = this.#listener?.close()
    this.#live.close()
    this.#desk.streams.close()
    this.#desk.i3x.close()
    const { server } = this.#app
    // Also ends Node's watch over time limits; that it never listened itself is no fault.
    server.close(() => {})
    const { clock } = this.#options.system
    const deadline = clock.monotonic() + this.#limits.closeMs
    while (this.#sockets.size > 0 && clock.monotonic() < deadline) {
      server.closeIdleConnections()
      await clock.sleep(10)
    }
    for (const socket of this.#sockets) socket.destroy()
    await closed
    await this.#app.close()
  }

  #createApp(): FastifyInstance {
    const { bodyBytes, headerBytes, headersMs, requestMs, idleMs } = this.#limits
    return Fastify({
      logger: false,
      // Bodies are checked and answers written here, without schemas: what would compile those is never loaded.
      schemaController: { compilersFactory: { buildValidator: noSchema, buildSerializer: noSchema } },
      bodyLimit: bodyBytes,
      requestTimeout: requestMs,
      keepAliveTimeout: idleMs,
      // Longest path of an asset with every byte of it percent-encoded.
      routerOptions: { maxParamLength: 16_384 },
      http: {
        maxHeaderSize: headerBytes,
        headersTimeout: headersMs,
        connectionsCheckingInterval: Math.max(100, Math.min(headersMs, requestMs) / 4),
        shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === 'websocket',
      },
      clientErrorHandler: (error, socket) => answerBroken(error.code, socket, this.#options.system.clock),
      frameworkErrors: (error, request, reply) => this.#fault(error, request as FastifyRequest, reply as FastifyReply),
    })
  }

  #addRoutes(): void {
    const app = this.#app
    app.removeAllContentTypeParsers()
    for (const type of BODY_TYPES) {
      app.addContentTypeParser(type, { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
    }
    app.addHook('onRequest', async (request, reply) => {
      setSafetyHeaders(reply)
      this.#admit(request, reply)
    })
    app.setErrorHandler<FastifyError>((error, request, reply) => this.#fault(error, request, reply))
    app.setNotFoundHandler((request, reply) => this.#desk.absent(request, reply))
    for (const route of ROUTES) if (!isPart(route)) this.#addRoute(withParts(route, ROUTES))
  }

  #addRoute({ method, url, need, bodyBytes, refusal, handle }: Route): void {
    this.#app.route({
      method,
      url,
      config: { need, refusal },
      ...(bodyBytes === undefined ? {} : { bodyLimit: bodyBytes }),
      handler: async (request, reply) => handle(this.#desk, request, reply),
    })
  }

  #admit(request: FastifyRequest, reply: FastifyReply): void {
    const { need } = request.routeOptions.config as { readonly need?: Need }
    const caller = this.#gate.admit({
      method: request.method,
      headers: request.headers,
      remote: request.ip,
      need: request.is404 ? 'read' : need,
    })
    if (caller !== undefined) this.#callers.set(request, caller)
    if (request.method !== 'POST' && request.method !== 'PUT') return
    if (request.headers['content-encoding'] !== undefined) throw encoded(request.headers['content-encoding'])
    if (this.#bodies >= this.#limits.bodiesInFlight) throw busy(this.#limits.bodiesInFlight)
    this.#bodies += 1
    reply.raw.once('close', () => (this.#bodies -= 1))
  }

  #accept(socket: Socket): void {
    if (this.#sockets.size >= this.#limits.connections) {
      socket.destroy()
      return
    }
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    this.#app.server.emit('connection', socket)
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    // A peer that resets while we answer harms only itself.
    socket.on('error', () => socket.destroy())
    try {
      const live = request.url === '/api/v1/live'
      const knock = { method: 'GET', headers: request.headers, remote: socket.remoteAddress ?? '', upgrade: true }
      const caller = this.#gate.admit({ ...knock, need: 'read' })
      if (!live) throw notFound(request.url ?? '')
      this.#live.take(request, socket, head, caller!)
    } catch (error) {
      const problem = error instanceof ApiError ? error : this.#bug(error, '/api/v1/live')
      answerRaw(socket, problem, this.#options.system.clock)
    }
  }

  #fault(error: Error & { code?: string; statusCode?: number }, request: FastifyRequest, reply: FastifyReply): void {
    const problem =
      error instanceof ApiError
        ? error
        : error instanceof LogError
          ? fromLog(error)
          : (fromFramework(error, this.#limits) ?? this.#bug(error, request.url))
    setSafetyHeaders(reply)
    if (request.url.startsWith(`${I3X_BASE}/`)) return sendProblem(problem, request, reply)
    const told = request.routeOptions?.config as Pick<Route, 'refusal'> | undefined
    const body = told?.refusal?.(problem, this.#options.system.clock.now()) ?? view(problem)
    void reply.code(problem.status).headers(problem.headers).type('application/json; charset=utf-8').send(body)
  }

  /** Says what happened in our own log, and nothing of it to the caller. */
  #bug(error: unknown, url: string): ApiError {
    this.#options.system.logger.error('Cannot answer a request', { url, error })
    return new ApiError(
      500,
      'INTERNAL',
      'Cannot answer this request: a fault of ours, want a look into the log of the hub',
    )
  }
}

/** The log itself cannot be read right now, or this part of it never. */
function fromLog({ code, message, retriable }: LogError): ApiError {
  return new ApiError(retriable ? 503 : 500, code, message, retriable ? { 'retry-after': '1' } : {})
}

function refuseOpenBeyondLoopback({ listen, tokens }: ApiConfig): void {
  if (isLoopback(listen.host) || tokens.length > 0) return
  throw new ApiError(
    500,
    'OPEN_BEYOND_LOOPBACK',
    `Cannot listen on "${listen.host}": no token is configured, want at least one in "api.tokens" beyond loopback`,
  )
}

/** For everything we send: nothing of it may be framed, sniffed, embedded elsewhere, or run anything but our own files. */
const SAFETY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
} as const

function setSafetyHeaders(reply: FastifyReply): void {
  reply.headers(SAFETY_HEADERS)
}

function absent(request: FastifyRequest, reply: FastifyReply, { mounts }: Desk): unknown {
  const path = request.url.split('?', 1)[0]!
  const methods = allowedMethods(path, mounts)
  if (methods.length === 0 || methods.includes(request.method)) throw notFound(path)
  const allow = [...methods, 'OPTIONS'].join(', ')
  if (request.method === 'OPTIONS') return reply.code(204).header('allow', allow).send()
  const shown = JSON.stringify(path.slice(0, 200))
  throw new ApiError(405, 'METHOD_NOT_ALLOWED', `Cannot ${request.method} ${shown}: want ${allow}`, { allow })
}

function notFound(path: string): ApiError {
  return new ApiError(404, 'NOT_FOUND', `Cannot find ${JSON.stringify(path.slice(0, 200))}: there is no such route`)
}

function encoded(encoding: string): ApiError {
  const shown = JSON.stringify(encoding.slice(0, 40))
  return new ApiError(
    415,
    'UNSUPPORTED_MEDIA_TYPE',
    `Cannot read a body of content-encoding ${shown}: want it as it is`,
  )
}

function busy(most: number): ApiError {
  return new ApiError(503, 'TOO_BUSY', `Cannot take one more body: ${most} are in flight, want a retry in a moment`, {
    'retry-after': '1',
  })
}

/** What Fastify and the parsers refused, in our words. */
function fromFramework(
  error: { code?: string; statusCode?: number; message: string },
  limits: ApiLimits,
): ApiError | undefined {
  const { code, statusCode = 500 } = error
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new ApiError(
      413,
      'BODY_TOO_LARGE',
      `Cannot read the body: it is above the limit, want at most ${limits.bodyBytes} B`,
    )
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new ApiError(
      415,
      'UNSUPPORTED_MEDIA_TYPE',
      'Cannot read a body of this content-type: want application/json or application/x-ndjson',
    )
  }
  if (statusCode < 400 || statusCode >= 500) return undefined
  return new ApiError(statusCode, 'BAD_REQUEST', `Cannot read the request: ${error.message.slice(0, 200)}`)
}

function noSchema(): never {
  throw new Error('Cannot compile a schema: no route of ours has one')
}
