import { z } from 'zod'
import { durationField, pemField, privateKeyField, secretField } from '../../component/fields.ts'
import type { SourceSpec } from '../../component/source.ts'
import { parseBrowsePath, placeholders } from './browse-path.ts'
import { loadLibrary } from './library.ts'
import { OpcuaSource } from './source.ts'

const nodeRule = z
  .strictObject({
    node: z
      .string()
      .regex(/^(ns=\d+;|nsu=[^;]+;)?[isgb]=.+$/s, {
        message: 'Cannot read node id: want e.g. "nsu=urn:acme:press;s=Temp"',
      })
      .optional()
      .describe('Node id; "nsu=URI;s=..." survives a restart of the server, an index ("ns=2;s=...") may not'),
    browse: z
      .union([z.string(), z.array(z.string()).min(1)])
      .optional()
      .describe('Browse names below the Objects folder, e.g. "ns=urn:acme:press;Line1/Press{n}"'),
    asset: z.string().describe('Asset path below the site; may use the placeholders of "browse"'),
    tag: z.string().optional().describe('Tag of a variable; its browse name where nothing is said'),
    tags: z
      .array(z.string())
      .min(1)
      .optional()
      .describe('Of an object: only these of its variables, e.g. "motor.temperature"; all where nothing is said'),
    methods: z
      .record(z.string(), z.string().min(1))
      .optional()
      .describe(
        'Of an object: names that commands use for its methods, each with the browse name on the server, e.g. ' +
          '{ reset: "Commands.ResetCounters" }; a method that is not here goes by its own browse name',
      ),
  })
  .superRefine((rule, context) => {
    const fault = ruleFault(rule)
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
  })
  .describe('A variable, or an object whose variables become tags')

const trustField = z
  .union([z.literal('first-use'), z.string(), z.array(z.string()).min(1)])
  .describe(
    'Server certificates to trust: file:PATH of a PEM, a list of those and of "sha256:..." fingerprints, or a ' +
      'folder. "first-use" trusts the first one it sees until the next start, and says its fingerprint',
  )

const securityField = z
  .strictObject({
    mode: z.enum(['none', 'sign', 'signAndEncrypt']).default('none').describe('Message security mode'),
    policy: z
      .enum(['Basic256Sha256', 'Aes128_Sha256_RsaOaep', 'Aes256_Sha256_RsaPss'])
      .default('Basic256Sha256')
      .describe('Security policy of "sign" and "signAndEncrypt"'),
    user: z
      .union([
        z.strictObject({ name: z.string(), password: secretField }),
        z.strictObject({ cert: pemField, key: privateKeyField }),
      ])
      .optional()
      .describe('Who we are to the server: a name and password, or a certificate; anonymous where nothing is said'),
    certificate: z
      .strictObject({ cert: pemField, key: privateKeyField })
      .optional()
      .describe('Our application certificate, which the server has to trust'),
    trust: trustField.optional(),
    allowUnsafePassword: z
      .boolean()
      .default(false)
      .describe('Send the password although the connection is not encrypted and leaves this machine'),
  })
  .refine((security) => security.mode === 'none' || security.certificate !== undefined, {
    message: 'Cannot secure the connection: "certificate" is missing, want cert and key',
  })
  .refine((security) => security.mode === 'none' || security.trust !== undefined, {
    message: 'Cannot secure the connection: "trust" is missing, want the server certificate or "first-use"',
  })

const deadbandField = z.union([
  z.strictObject({ absolute: z.number().positive().describe('In the unit of the variable') }),
  z.strictObject({ percent: z.number().positive().max(100).describe('Of the EURange of the variable') }),
])

const config = z.strictObject({
  endpoint: z
    .string()
    .regex(/^opc\.tcp:\/\/[^/\s@]+(\/[^\s@]*)?$/, {
      message: 'Cannot use endpoint: want e.g. "opc.tcp://10.0.0.7:4840", with the user in "security"',
    })
    .describe('Endpoint URL of the server'),
  nodes: z.array(nodeRule).min(1).describe('What to subscribe to'),
  samplingInterval: durationField.prefault('250ms').describe('How often the server looks at a value'),
  publishingInterval: durationField.prefault('500ms').describe('How often the server sends what changed'),
  queueSize: z.number().int().min(1).max(10_000).default(100).describe('Values a variable keeps while none is sent'),
  deadband: deadbandField.optional().describe('Smaller changes of numbers are not sent'),
  silence: durationField.prefault('60s').describe('Without data for longer than this the source is stale'),
  commandTimeout: durationField
    .prefault('10s')
    .describe('How long the answer to a command is waited for; after that nobody knows whether it was done'),
  security: securityField.prefault({}),
})

export type OpcuaConfig = z.infer<typeof config>
export type NodeRule = OpcuaConfig['nodes'][number]

/** OPC UA client: subscribes to variables of a server, by node id or by browse name. */
export const opcuaSpec: SourceSpec<OpcuaConfig> = {
  kind: 'opcua',
  // A subscription reports changes, and its keep-alives tell a quiet value from a dead server.
  holds: true,
  summary: 'Subscribes to the variables of an OPC UA server, with their status codes and times',
  config,
  example: `sources:
  line1:
    opcua:
      endpoint: opc.tcp://127.0.0.1:4840
      nodes:
        - browse: "ns=urn:millrace:simulator;PressShop/Line1/Press{n}"
          asset: press-shop/line1/press{n}
        - node: nsu=urn:millrace:simulator;s=Press1.temperature
          asset: press-shop/line1/press1
          tag: tool-temperature
`,
  describe: (checked) => checked.endpoint,
  prepare: (_checked, logger) => loadLibrary(logger),
  create: (checked, context) => new OpcuaSource(checked, context),
}

function ruleFault(rule: {
  node?: string | undefined
  browse?: string | string[] | undefined
  asset: string
  tag?: string | undefined
  tags?: string[] | undefined
  methods?: { [name: string]: string } | undefined
}): string | undefined {
  if ((rule.node === undefined) === (rule.browse === undefined)) {
    return 'Cannot find nodes: want exactly one of "node" and "browse"'
  }
  if (rule.tag !== undefined && rule.methods !== undefined) return 'Cannot name methods: a variable has none'
  if (rule.tag !== undefined && rule.tags !== undefined) return 'Cannot name tags: want one of "tag" and "tags"'
  return templateFault(rule.asset, rule.browse)
}

function templateFault(asset: string, browse: string | string[] | undefined): string | undefined {
  try {
    const known = browse === undefined ? [] : parseBrowsePath(browse).segments.flatMap((segment) => segment.names)
    const stray = placeholders(asset).find((name) => !known.includes(name))
    if (stray === undefined) return undefined
    return `Cannot use asset ${JSON.stringify(asset)}: {${stray}} is not in "browse", want ${known.length === 0 ? 'no placeholder' : `{${known.join('}, {')}}`}`
  } catch (error) {
    return `Cannot use browse path ${JSON.stringify(browse)}: ${(error as Error).message}`
  }
}
