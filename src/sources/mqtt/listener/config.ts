import { z } from 'zod'
import { addressField, durationField, isLoopback, secretField, tlsIdentityFields } from '../../../component/fields.ts'
import { mappingRules } from '../../../component/mapping/rules.ts'
import { commandRules, commandTimeoutField } from '../command-rules.ts'
import { filterFault, topicFault } from './topic-filter.ts'

const filterField = z.string().refine((filter) => filterFault(filter) === undefined, {
  message: 'Cannot read topic filter: want e.g. "cars/+/state" or "cars/#"',
})

const userField = z.strictObject({
  name: z.string().min(1).max(256),
  password: secretField,
  publish: z.array(filterField).default(['#']).describe('Topic filters the user may publish to; default: all'),
  subscribe: z.array(filterField).default([]).describe('Topic filters the user may subscribe to; default: none'),
})

const limitsField = z
  .strictObject({
    packetBytes: z.number().int().min(1024).max(268_435_460).default(1_048_576).describe('Largest packet taken, bytes'),
    connections: z.number().int().min(1).max(1_000_000).default(20_000).describe('Most clients at a time'),
    receiveMaximum: z
      .number()
      .int()
      .min(1)
      .max(65_535)
      .default(1024)
      .describe('Most unacknowledged messages of a client, each way (3.1.1 clients are not told, and not held to it)'),
    keepAlive: durationField
      .prefault('10m')
      .describe('Longest keep-alive; an MQTT 5 client that wants a longer one, or none, is told this one'),
    sessionExpiry: durationField.prefault('1d').describe('Longest that a session is kept without its client'),
    sessions: z
      .number()
      .int()
      .min(0)
      .max(1_000_000)
      .default(20_000)
      .describe('Most sessions kept without their client'),
    subscriptions: z.number().int().min(0).max(100_000).default(100).describe('Most subscriptions of a client'),
    topicAliases: z.number().int().min(0).max(65_535).default(32).describe('Most topic aliases of a client'),
    queuedMessages: z
      .number()
      .int()
      .min(1)
      .max(1_000_000)
      .default(1000)
      .describe('Most QoS 1 messages waiting for a subscriber'),
    queuedBytes: z.number().int().min(1024).max(1_073_741_824).default(4_194_304).describe('The same in bytes'),
    connectTimeout: durationField.prefault('10s').describe('How long a client may take to say who it is'),
  })
  .prefault({})

/** Config of the listener: devices connect straight to us. */
export const listenerConfig = z
  .strictObject({
    listen: addressField.optional().describe('Where devices connect without TLS: 1883'),
    tls: z
      .strictObject({ listen: addressField, ...tlsIdentityFields })
      .optional()
      .describe('Where devices connect with TLS: 8883'),
    users: z.array(userField).min(1).optional().describe('Who may connect; without users everybody on loopback may'),
    topics: mappingRules,
    commands: commandRules.prefault({}),
    commandTimeout: commandTimeoutField,
    requests: z
      .string()
      .refine((topic) => topicFault(topic) === undefined, { message: 'want a topic, e.g. millrace/commands' })
      .optional()
      .describe(
        'Where clients ask for commands, as <requests>/<asset>; only users that "api.tokens" gives the right to',
      ),
    silence: durationField.prefault('60s').describe('A device, or all of them, silent for longer is stale'),
    limits: limitsField,
  })
  .superRefine((config, context) => {
    const say = (message: string, path: string[]) => context.addIssue({ code: 'custom', message, path })
    const { listen, tls, users } = config
    if (listen === undefined && tls === undefined) say('Cannot listen nowhere: want "listen" or "tls"', [])
    const open = 'is not loopback and no users are configured, want "users"'
    if (listen !== undefined && users === undefined && !isLoopback(listen)) {
      say(`Cannot listen on "${listen.host}:${listen.port}": it ${open}`, ['listen'])
    }
    if (tls !== undefined && users === undefined && tls.ca === undefined && !isLoopback(tls.listen)) {
      say(`Cannot listen on "${tls.listen.host}:${tls.listen.port}": it ${open}, or "ca" for client certificates`, [
        'tls',
        'listen',
      ])
    }
    const names = users?.map((user) => user.name) ?? []
    const twice = names.findIndex((name, index) => names.indexOf(name) !== index)
    if (twice !== -1)
      say(`Cannot have user "${names[twice]}" twice: want one of each name`, ['users', String(twice), 'name'])
  })

export type ListenerConfig = z.output<typeof listenerConfig>
export type ListenerLimits = ListenerConfig['limits']
