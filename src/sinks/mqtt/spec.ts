import type { IClientOptions, MqttClient } from 'mqtt'
import { z } from 'zod'
import { durationField, pemField, privateKeyField, secretField } from '../../component/fields.ts'
import { outgoingJson } from '../../component/outgoing-json.ts'
import { deliveryOf, selectionFields } from '../../component/selection.ts'
import type { Outgoing, Sink, SinkContext, SinkSpec } from '../../component/sink.ts'
import { ThroughSink } from './through.ts'
import { topicField, topicOf } from './topic.ts'

const mqttSchema = z
  .strictObject({
    ...selectionFields,
    broker: z
      .string()
      .refine((given) => isBroker(given), {
        message: 'Cannot use this broker: want mqtt://host:port or mqtts://host:port',
      })
      .optional()
      .describe('mqtt://host:port, or mqtts://host:port for TLS'),
    through: z
      .string()
      .min(1)
      .optional()
      .describe('In place of a broker: the MQTT listener of "sources" whose machines have subscribed to the topic'),
    expires: durationField.optional().describe('With "through": after this it is of no use to a machine that was away'),
    topic: topicField,
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
  .refine(({ broker, through }) => (broker === undefined) !== (through === undefined), {
    message: 'Cannot tell where it goes: want one of "broker" and "through"',
  })
  .refine(({ through, expires }) => expires === undefined || through !== undefined, {
    message: 'Cannot let messages expire at a broker: want "expires" with "through" only',
  })
  .refine(({ through, retain }) => through === undefined || !retain, {
    message: 'Cannot retain messages at a source: want "retain" with "broker" only',
  })

type MqttSinkConfig = z.output<typeof mqttSchema>
type BrokerConfig = MqttSinkConfig & { readonly broker: string }

/** Publishes facts at QoS 1. */
export const mqttSinkSpec: SinkSpec<MqttSinkConfig> = {
  kind: 'mqtt',
  summary: 'Publishes alarms, events or values at QoS 1: to an MQTT broker, or to machines that have subscribed',
  config: mqttSchema,
  example: `sinks:
  andon: { mqtt: { topics: [alarms], severity: high, broker: "mqtt://127.0.0.1:1884", topic: "andon/{asset}" } }
`,
  delivery: (config) => deliveryOf(config, config.batch),
  through: ({ through }) => through,
  describe: ({ broker, through, topic }) =>
    broker === undefined ? `${topic} through ${through}` : `${topic} at ${broker}`,
  create(config, context) {
    const { broker, through, topic, expires } = config
    if (through !== undefined) return new ThroughSink({ through, topic, expires }, context)
    return new MqttSink({ ...config, broker: broker! }, context)
  },
}

class MqttSink implements Sink {
  readonly #config: BrokerConfig
  readonly #context: SinkContext
  #client: MqttClient | undefined

  constructor(config: BrokerConfig, context: SinkContext) {
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

function connectOptions(config: BrokerConfig, { site, name }: SinkContext): IClientOptions {
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

function isBroker(given: string): boolean {
  const url = URL.parse(given)
  return url !== null && ['mqtt:', 'mqtts:'].includes(url.protocol) && url.hostname !== '' && url.username === ''
}
