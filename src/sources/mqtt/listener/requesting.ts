import type { CommandRequest, SourceContext } from '../../../component/source.ts'
import type { Json } from '../../../model/json-value.ts'
import type { Connection } from './connection.ts'
import type { Parts } from './parts.ts'
import { commandProperties, correlationOf, responseTopicOf } from './properties.ts'
import { topicFault } from './topic-filter.ts'

/** The policy by which a request is let go as data: it is no measurement. */
export const COMMAND_REQUEST = 'command-request'

/** Largest request that is read, in bytes. */
const LARGEST = 64 * 1024

/**
 * Requests for commands of clients: a message to `<prefix>/<asset>` with JSON as `POST /api/v1/commands` takes it. A client asks
 * in the name it has logged in with. What becomes of it goes to the response topic of the request (MQTT 5, 4.10), to this client
 * alone and only where it has subscribed to that: nobody makes the hub speak to others.
 */
export class Requesting {
  readonly #prefix: string | undefined
  readonly #ask: SourceContext['ask']

  /** `prefix` undefined: clients ask for nothing here. */
  constructor(prefix: string | undefined, ask: SourceContext['ask']) {
    this.#prefix = prefix
    this.#ask = ask
  }

  isRequest(topic: string): boolean {
    return this.#prefix !== undefined && topic.startsWith(`${this.#prefix}/`)
  }

  /** `raw`: the properties with their length; `again`: the client has sent it before, and had no acknowledgement. */
  came(topic: string, payload: Buffer, raw: Buffer, connection: Connection, again: boolean): void {
    const correlation = correlationOf(raw)
    const answer = answering(connection, responseTopicOf(raw), correlation)
    const by = connection.principal!.name
    const request = requestOf(topic.slice(this.#prefix!.length + 1), payload, by, correlation)
    const refuse = (code: string, message: string) => answer({ state: 'refused', reasons: [{ code, message }] })
    if (by === '' || this.#ask === undefined)
      return refuse('right', 'Nobody has logged in here, so nobody has the right')
    if (typeof request === 'string') return refuse('type', request)
    if (again && request.key === undefined)
      return refuse(
        'key',
        'It was sent again without a "key" and without correlation data: it may have been taken before',
      )
    this.#ask(request, answer)
  }
}

function requestOf(
  asset: string,
  payload: Buffer,
  by: string,
  correlation: string | undefined,
): CommandRequest | string {
  if (payload.length > LARGEST) return `it has ${payload.length} bytes, want at most ${LARGEST}`
  try {
    const json: unknown = JSON.parse(payload.toString('utf8'))
    if (typeof json !== 'object' || json === null || Array.isArray(json)) return 'it is not a JSON object'
    const { key = correlation, ...fields } = json as { readonly [name: string]: Json | undefined }
    if (key !== undefined && typeof key !== 'string') return '"key" has to be a text'
    return { asset, by, fields: fields as CommandRequest['fields'], ...(key !== undefined && { key }) }
  } catch {
    return 'it is not JSON'
  }
}

/** Says something to the client that has asked, if it listens. */
function answering({ session, parts }: Connection, topic: string | undefined, correlation: string | undefined) {
  return (answer: { readonly [name: string]: Json }): void => {
    if (topic === undefined || session === undefined || topicFault(topic) !== undefined) return
    const wish = [...parts.subscriptions.match(topic)].find(([one]) => one === session)?.[1]
    if (wish === undefined) return
    const message = {
      topic: Buffer.from(topic),
      payload: Buffer.from(JSON.stringify(answer)),
      qos: 1,
      properties: commandProperties(undefined, '', correlation),
      expiresAt: Infinity,
    }
    send(parts, () =>
      session.outbox.deliver(message, Math.min(wish.qos, 1), session.attachment, parts.clock.monotonic()),
    )
  }
}

function send({ corks }: Parts, deliver: () => unknown): void {
  corks.run(() => void deliver())
}
