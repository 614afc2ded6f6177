import { z } from 'zod'
import { durationField, pemField, privateKeyField, secretField } from '../../component/fields.ts'
import { mappingRules } from '../../component/mapping/rules.ts'
import { commandRules, commandTimeoutField } from './command-rules.ts'

const brokerField = z
  .string()
  .superRefine((given, context) => {
    const fault = brokerFault(given)
    if (fault === undefined) return
    context.addIssue({ code: 'custom', message: `Cannot use broker ${JSON.stringify(withoutUser(given))}: ${fault}` })
  })
  .describe('mqtt://host:port, or mqtts://host:port for TLS; ports 1883 and 8883 unless given')

function brokerFault(given: string): string | undefined {
  const url = URL.parse(given)
  if (url === null || !['mqtt:', 'mqtts:'].includes(url.protocol) || url.hostname === '') {
    return 'it is no address of a broker, want mqtt://host:port or mqtts://host:port'
  }
  if (url.username !== '' || url.password !== '') return 'it has a user in it, want "username" and "password"'
  if (!['', '/'].includes(url.pathname) || url.search !== '' || url.hash !== '') return 'it has a path, want none'
  return undefined
}

/** A password that somebody wrote into the address is not repeated in a message. */
function withoutUser(given: string): string {
  return given.replace(/\/\/.*@/, '//***@')
}

/** Config of the client: data comes from an existing broker. */
export const mqttClientConfig = z
  .strictObject({
    broker: brokerField,
    username: z.string().min(1).optional(),
    password: secretField.optional(),
    clientId: z
      .string()
      .regex(/^[0-9A-Za-z._-]{1,64}$/, 'Cannot use this client id: want 1 to 64 letters, digits, ".", "_", "-"')
      .optional()
      .describe('Name of the session at the broker; default: millrace-SITE-SOURCE. Two hubs never share one'),
    tls: z
      .strictObject({
        ca: pemField.optional().describe('Certificate authority of the broker; default: those of the system'),
        cert: pemField.optional().describe('Our certificate, where the broker asks for one'),
        key: privateKeyField.optional(),
        serverName: z.string().min(1).optional().describe('Name in the certificate of the broker; default: its host'),
      })
      .optional(),
    protocol: z.enum(['5', '3.1.1']).default('5').describe('Version of MQTT'),
    topics: mappingRules,
    commands: commandRules.prefault({}),
    commandTimeout: commandTimeoutField,
    share: z
      .string()
      .regex(/^[^+#/\s]{1,64}$/, 'Cannot use this group: want a name without + # /')
      .optional()
      .describe('Group of a shared subscription: its members each get a part of the messages'),
    retained: z
      .boolean()
      .default(true)
      .describe('Take retained messages: without a time of their own they are Uncertain. false: they are dropped'),
    receiveMaximum: z
      .number()
      .int()
      .min(1)
      .max(65_535)
      .default(2_000)
      .describe('Most messages that the broker may send ahead of our acknowledgements (3.1.1: the broker decides)'),
    sessionExpiry: durationField.prefault('7d').describe('How long the broker keeps our session and queues for us'),
    keepAlive: durationField.prefault('30s').describe('How soon a dead connection is noticed'),
    silence: durationField.prefault('60s').describe('Without data for longer than this the source is stale'),
  })
  .superRefine((config, context) => {
    const say = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message })
    if (config.share !== undefined && config.clientId === undefined) {
      say('share', 'Cannot share without "clientId": each hub of the group needs its own, want one')
    }
    if (config.tls !== undefined && config.broker.startsWith('mqtt:')) {
      say('tls', `Cannot use TLS with "${config.broker}": it is a plain address, want mqtts://`)
    }
    if ((config.tls?.cert === undefined) !== (config.tls?.key === undefined)) {
      say('tls', 'Cannot use half a certificate: want "cert" and "key" together')
    }
    if (config.password !== undefined && config.username === undefined) {
      say('password', 'Cannot use a password without a user: want "username"')
    }
  })

export type MqttClientConfig = z.output<typeof mqttClientConfig>
