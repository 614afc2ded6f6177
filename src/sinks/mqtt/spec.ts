import type { IClientOptions, MqttClient } from 'mqtt'
import { z } from 'zod'
import { durationField, pemField, privateKeyField, secretField } from '../../component/fields.ts'
import { outgoingJson } from '../../component/outgoing-json.ts'
import { deliveryOf, selectionFields } from '../../component/selection.ts'
import { keyOf } from '../../component/topology.ts'
import type { Outgoing, Sink, SinkContext, SinkSpec } from '../../component/sink.ts'

const mqttSchema = z
  .strictObject({
    ...selectionFields,
    broker: z
      .string()
      .refine((given) => isBroker(given), {
        message: 'Cannot use this broker: want mqtt://host:port or mqtts://host:port',
      })
      .describe('mqtt://host:port, or mqtts://host:port for TLS'),
    topic: z
      .string()
      .regex(/^[^+#\0]{1,400}$/, 'Cannot publish to this topic: want one without + and #')
      .default('millrace/{kind}/{asset}')
      .describe(
        'Topic, with {kind} (alarm, event, reading), {asset} (its path) and {name} (of the alarm, or type of the event)',
      ),
    retain: z.boolean().default(false).describe('The broker keeps the last message of each topic'),
    username: z.string().min(1).optional(),
    password: secretField.optional(),
    clientId: z
      .string()
      .regex(/^[0-9A-Za-z._-]{1,64}$/, 'want 1 to 64 letters, digits, ".", "_", "-"')
      .optional(),
    tls: z
      .strictObject({ ca: pemField.optional(), cert: pemField.optional(), key: privateKeyField.optional() })
      .optional(),
    batch: z.number().int().min(1).max(1_000).default(200).describe('Most messages that wait for the broker at a time'),
    timeout: durationField.prefault('10s').describe('How long the broker may take to acknowledge'),
  })
  .refine(({ username, password }) => password === undefined || username !== undefined, {
    message: 'Cannot use a password without a user: want "username"',
  })

type MqttSinkConfig = z.output<typeof mqttSchema>

/** Publishes facts at QoS 1. */
export const mqttSinkSpec: SinkSpec<MqttSinkConfig> = {
  kind: 'mqtt',
  summary: 'Publishes alarms, events or values to an MQTT broker, at QoS 1',
  config: mqttSchema,
  example: `sinks:
  andon: { mqtt: { topics: [alarms], severity: high, broker: "mqtt://127.0.0.1:1884", topic: "andon/{asset}" } }
`,
  delivery: (config) => deliveryOf(config, config.batch),
  describe: ({ broker, topic }) => `${topic} at ${broker}`,
  create: (config, context) => new MqttSink(config, context),
}

class MqttSink implements Sink {
  readonly #config: MqttSinkConfig
  readonly #context: SinkContext
  #client: MqttClient | undefined

  constructor(config: MqttSinkConfig, context: SinkContext) {
    this.#config = config
    this.#context = context
  }

  async deliver(batch: readonly Outgoing[], signal: AbortSignal): Promise<void> {
    const { timeout, retain } = this.#config
    const { clock } = this.#context.system
    const done = new AbortController()
    const late = clock.sleep(timeout, AbortSignal.any([signal, done.signal])).then(() => {
      throw new Error(`Cannot publish to ${this.#config.broker}: no acknowledgement within ${timeout} ms`)
    })
    late.catch(() => {})
    try {
      const client = await Promise.race([this.#connected(), late])
      const sent = batch.map((one) =>
        client.publishAsync(topicOf(one, this.#config.topic), JSON.stringify(outgoingJson(one)), { qos: 1, retain }),
      )
      await Promise.race([Promise.all(sent), late])
    } catch (error) {
      // What is not acknowledged is published again by the next try, not by a session behind our back.
      await this.#drop()
      throw error
    } finally {
      done.abort()
    }
  }

  async close(): Promise<void> {
    await this.#drop()
  }

  async #connected(): Promise<MqttClient> {
    if (this.#client?.connected) return this.#client
    await this.#drop()
    const { connectAsync } = await import('mqtt')
    this.#client = await connectAsync(this.#config.broker, connectOptions(this.#config, this.#context), false)
    this.#client.on('error', () => {})
    return this.#client
  }

  async #drop(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    await client?.endAsync(true).catch(() => {})
  }
}

function connectOptions(config: MqttSinkConfig, { site, name }: SinkContext): IClientOptions {
  const url = new URL(config.broker)
  const secure = url.protocol === 'mqtts:'
  const { username, password, tls } = config
  return {
    protocol: secure ? 'mqtts' : 'mqtt',
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 8883 : 1883) : Number(url.port),
    protocolVersion: 4,
    clean: true,
    reconnectPeriod: 0,
    connectTimeout: config.timeout,
    clientId: config.clientId ?? `millrace-${site}-sink-${name}`.replace(/[^0-9A-Za-z]+/g, '-').slice(0, 64),
    log: () => {},
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password: password.reveal() }),
    ...(tls?.ca !== undefined && { ca: tls.ca }),
    ...(tls?.cert !== undefined && { cert: tls.cert }),
    ...(tls?.key !== undefined && { key: tls.key }),
  }
}

function topicOf({ fact }: Outgoing, template: string): string {
  const name = fact.kind === 'alarm' ? fact.alarm.alarm : fact.kind === 'event' ? fact.event.type : fact.kind
  return template
    .replaceAll('{kind}', () => fact.kind)
    .replaceAll('{asset}', () => keyOf(fact))
    .replaceAll('{name}', () => name.replaceAll(/[+#\0]/g, '-'))
}

function isBroker(given: string): boolean {
  const url = URL.parse(given)
  return url !== null && ['mqtt:', 'mqtts:'].includes(url.protocol) && url.hostname !== '' && url.username === ''
}
