import { createHmac } from 'node:crypto'
import { z } from 'zod'
import { durationField, pemField, privateKeyField, secretField } from '../../component/fields.ts'
import { outgoingJson } from '../../component/outgoing-json.ts'
import { deliveryOf, selectionFields } from '../../component/selection.ts'
import { Undeliverable, type Outgoing, type Sink, type SinkContext, type SinkSpec } from '../../component/sink.ts'
import { Secret } from '../../system/secret.ts'
import { post, type Posted } from './post.ts'

const webhookSchema = z.strictObject({
  ...selectionFields,
  url: z
    .union([z.string(), secretField])
    .refine((given) => isHttp(typeof given === 'string' ? given : given.reveal()), {
      message: 'Cannot use this address: want http://... or https://..., without user and password',
    })
    .describe('Where to post, or secret:NAME that holds it; redirects are not followed'),
  secret: secretField.optional().describe('Signs each request: header x-millrace-signature'),
  headers: z
    .record(z.string().regex(/^[A-Za-z0-9-]{1,64}$/, 'want the name of a header'), z.union([z.string(), secretField]))
    .default({})
    .describe('Headers of each request; secret:NAME for a token'),
  batch: z.number().int().min(1).max(500).default(20).describe('Most facts of one request'),
  timeout: durationField.prefault('10s').describe('How long one request may take'),
  tls: z
    .strictObject({
      ca: pemField.optional().describe('Certificate authority of the server; default: those of the system'),
      cert: pemField.optional(),
      key: privateKeyField.optional(),
    })
    .optional(),
})

type WebhookConfig = z.output<typeof webhookSchema>

/** Posts facts as JSON. */
export const webhookSpec: SinkSpec<WebhookConfig> = {
  kind: 'webhook',
  summary: 'Posts alarms, events or values as JSON to an HTTP server, signed',
  config: webhookSchema,
  example: `sinks:
  mes: { webhook: { topics: [events], url: secret:mes-url } }
`,
  delivery: (config) => deliveryOf(config, config.batch),
  describe: ({ url }) => (typeof url === 'string' ? new URL(url).origin : 'an address that is a secret'),
  create: (config, context) => new Webhook(config, context),
}

class Webhook implements Sink {
  readonly #config: WebhookConfig
  readonly #context: SinkContext

  constructor(config: WebhookConfig, context: SinkContext) {
    this.#config = config
    this.#context = context
  }

  async deliver(batch: readonly Outgoing[], signal: AbortSignal): Promise<void> {
    const { url, timeout, tls } = this.#config
    const body = JSON.stringify({ site: this.#context.site, records: batch.map(outgoingJson) })
    const options = { headers: this.#headers(body, batch), timeoutMs: timeout, signal, ...(tls && { tls }) }
    check(await post(new URL(revealed(url)), body, options))
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  #headers(body: string, batch: readonly Outgoing[]): { readonly [name: string]: string } {
    const { headers, secret } = this.#config
    const own = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), revealed(value)] as const)
    const seconds = Math.floor(this.#context.system.clock.now() / 1000)
    return {
      'user-agent': 'millrace',
      ...Object.fromEntries(own),
      'content-type': 'application/json',
      'idempotency-key': `${batch[0]!.place}+${batch.length}`,
      ...(secret && { 'x-millrace-signature': signature(body, secret.reveal(), seconds) }),
    }
  }
}

/** `t=1732287000,v1=hex`: HMAC-SHA-256 of the time, a dot and the body, so that an old request cannot be sent again. */
export function signature(body: string, secret: string, seconds: number): string {
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`
}

/** What the server did not take now it may take later, unless it says that the request itself is wrong (RFC 9110 clause 15.5). */
function check({ status, text }: Posted): void {
  if (status >= 200 && status < 300) return
  const message = `Cannot post: the server answers ${status}${text === '' ? '' : ` ${JSON.stringify(text.slice(0, 200))}`}, want 2xx`
  const isLater = status >= 500 || [408, 425, 429].includes(status)
  throw isLater ? new Error(message) : new Undeliverable(message)
}

function revealed(given: string | Secret): string {
  return given instanceof Secret ? given.reveal() : given
}

function isHttp(given: string): boolean {
  const url = URL.parse(given)
  return url !== null && ['http:', 'https:'].includes(url.protocol) && url.username === '' && url.password === ''
}
