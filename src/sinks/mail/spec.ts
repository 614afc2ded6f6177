import { z } from 'zod'
import { durationField, pemField, secretField } from '../../component/fields.ts'
import { outgoingJson } from '../../component/outgoing-json.ts'
import { deliveryOf, selectionFields } from '../../component/selection.ts'
import { Undeliverable, type Outgoing, type Sink, type SinkContext, type SinkSpec } from '../../component/sink.ts'
import { singleLine } from './text.ts'

const addressField = z.string().regex(/^[^\s@<>,;"]+@[^\s@<>,;"]+$/, 'want an address: name@example.com')

const mailSchema = z
  .strictObject({
    ...selectionFields,
    topics: selectionFields.topics.default(['alarms']),
    actions: selectionFields.actions.prefault(['raise']),
    fresh: durationField.prefault('1h').describe('What Millrace was told longer ago than this is not mailed any more'),
    server: z
      .string()
      .refine((given) => isSmtp(given), {
        message: 'Cannot use this server: want smtp://host:port or smtps://host:port',
      })
      .describe('smtps:// is TLS from the start; smtp:// goes over to TLS where the server can'),
    user: z.string().optional(),
    password: secretField.optional(),
    sender: addressField,
    to: z.array(addressField).min(1).max(50),
    ca: pemField.optional().describe('Certificate authority of the server; default: those of the system'),
    plain: z.boolean().default(false).describe('Also sends where the server has no TLS; never with a password'),
    batch: z.number().int().min(1).max(500).default(50).describe('Most facts of one mail'),
    timeout: durationField.prefault('30s'),
  })
  .superRefine(({ plain, password, user }, context) => {
    if (plain && password !== undefined)
      context.addIssue({
        code: 'custom',
        path: ['plain'],
        message: 'Cannot send a password in clear text: want "plain: false"',
      })
    if ((user === undefined) !== (password === undefined))
      context.addIssue({
        code: 'custom',
        path: ['user'],
        message: 'Cannot log in with one of "user" and "password" alone: want both',
      })
  })

type MailConfig = z.output<typeof mailSchema>

/** Mails alarms to people. */
export const mailSpec: SinkSpec<MailConfig> = {
  kind: 'mail',
  summary: 'Mails alarms or events to people',
  config: mailSchema,
  example: `sinks:
  night-shift:
    mail: { severity: high, server: "smtps://mail.example.com:465", sender: millrace@example.com, to: [shift@example.com], user: millrace, password: secret:mail }
`,
  delivery: (config) => deliveryOf(config, config.batch),
  describe: ({ server, to }) => `${to.join(', ')} by ${server}`,
  create: (config, context) => new Mail(config, context),
}

class Mail implements Sink {
  readonly #config: MailConfig
  readonly #context: SinkContext
  #transport: Promise<Transport> | undefined

  constructor(config: MailConfig, context: SinkContext) {
    this.#config = config
    this.#context = context
  }

  async deliver(batch: readonly Outgoing[]): Promise<void> {
    this.#transport ??= createTransport(this.#config)
    const { sender, to } = this.#config
    try {
      await (
        await this.#transport
      ).sendMail({
        from: sender,
        to: [...to],
        subject: subjectOf(batch),
        text: `${batch.map((one) => describe(one)).join('\n\n')}\n\n${this.#context.site}, sink ${this.#context.name}\n`,
        headers: { 'Auto-Submitted': 'auto-generated' },
        messageId: `<${batch[0]!.place.replaceAll('/', '.')}.${batch.length}@millrace>`,
      })
    } catch (error) {
      const { responseCode, message } = error as Error & { responseCode?: number }
      // 5xx: the server will never take it [RFC 5321 4.2.1]; but a login that is refused may be corrected.
      if (responseCode !== undefined && responseCode >= 500 && responseCode !== 535) throw new Undeliverable(message)
      throw error
    }
  }

  async close(): Promise<void> {
    const transport = await this.#transport?.catch(() => undefined)
    transport?.close()
  }
}

type Transport = Awaited<ReturnType<typeof createTransport>>

async function createTransport({ server, user, password, ca, plain, timeout }: MailConfig) {
  const nodemailer = await import('nodemailer')
  const url = new URL(server)
  const secure = url.protocol === 'smtps:'
  return nodemailer.createTransport({
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 465 : 587) : Number(url.port),
    secure,
    requireTLS: !secure && !plain,
    ...(user !== undefined && password !== undefined && { auth: { user, pass: password.reveal() } }),
    tls: { minVersion: 'TLSv1.2', ...(ca !== undefined && { ca }) },
    connectionTimeout: timeout,
    greetingTimeout: timeout,
    socketTimeout: timeout,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
}

function subjectOf(batch: readonly Outgoing[]): string {
  const [first] = batch as readonly [Outgoing]
  const more = batch.length > 1 ? ` and ${batch.length - 1} more` : ''
  return singleLine(`${titleOf(first)}${more}`, 150)
}

function titleOf({ fact }: Outgoing): string {
  if (fact.kind === 'alarm')
    return `[${fact.alarm.priority ?? fact.alarm.action}] ${fact.alarm.message ?? fact.alarm.alarm}`
  return fact.kind === 'event' ? `${fact.event.type} ${fact.event.asset}` : fact.kind
}

function describe(outgoing: Outgoing): string {
  const { fact } = outgoing
  if (fact.kind !== 'alarm') return JSON.stringify(outgoingJson(outgoing), null, 2)
  const { asset, alarm, action, priority, message, time, by, comment } = fact.alarm
  return [
    `${action} ${alarm}${priority === undefined ? '' : ` (${priority})`}`,
    asset,
    ...(message === undefined ? [] : [message]),
    new Date(time).toISOString(),
    ...(by === undefined ? [] : [`by ${by}`]),
    ...(comment === undefined ? [] : [comment]),
  ].join('\n')
}

function isSmtp(given: string): boolean {
  const url = URL.parse(given)
  return url !== null && ['smtp:', 'smtps:'].includes(url.protocol) && url.hostname !== '' && url.username === ''
}
