import { z } from 'zod'
import { tagFault } from '../model/path.ts'
import { parseDuration } from '../system/duration.ts'
import { Secret } from '../system/secret.ts'
import { isLoopbackHost, parseAddress, type Address } from '../system/net.ts'

/**
 * Fields that several components have, spelt the same everywhere. Before a component's schema sees its config, the
 * loader has replaced `secret:NAME` and `env:NAME` by a `Secret`, and `file:PATH` by the file's text.
 */

/** A port (then on loopback) or `host:port`; every interface is `0.0.0.0:1883`. Port 0 lets the system choose. */
export const addressField = z
  .union([z.number().int().min(0).max(65535), z.string()])
  .transform((given, context): Address => {
    const address = parseAddress(given)
    if (address) return address
    context.addIssue({
      code: 'custom',
      message: `Cannot listen on ${JSON.stringify(given)}: want a port or "host:port"`,
    })
    return z.NEVER
  })
  .describe('A port (on loopback), or "host:port"; "0.0.0.0:PORT" is every interface')

/** Whether only this machine can reach it. */
export function isLoopback(address: Address): boolean {
  return isLoopbackHost(address.host)
}

/** `500ms`, `10s`, `5m`, `2h`, `7d`; milliseconds once read. */
export const durationField = z
  .string()
  .transform((given, context): number => {
    const ms = parseDuration(given)
    if (ms !== undefined) return ms
    context.addIssue({
      code: 'custom',
      message: `Cannot read duration ${JSON.stringify(given)}: want e.g. "500ms", "10s", "5m", "2h", "7d"`,
    })
    return z.NEVER
  })
  .describe('A duration: 500ms, 10s, 5m, 2h, 7d')

/** A secret: in the file only as `secret:NAME` or `env:NAME`. */
export const secretField = z
  .custom<Secret>((given) => given instanceof Secret, {
    message: 'Cannot take a secret from the config file itself: write secret:NAME or env:NAME',
  })
  .describe('secret:NAME or env:NAME; never the secret itself')

/** PEM text; in the file as `file:PATH`, relative to the config file. */
export const pemField = z
  .string()
  .refine((text) => text.includes('-----BEGIN '), { message: 'Cannot read PEM: want file:PATH of a PEM file' })
  .describe('file:PATH of a PEM file')

/** A private key: as `pemField`, or a secret that holds PEM text. */
export const privateKeyField = z
  .union([pemField, secretField.transform((secret) => secret.reveal())])
  .describe('file:PATH of a PEM file, or secret:NAME that holds one')

export const tlsIdentityFields = {
  cert: pemField,
  key: privateKeyField,
  ca: pemField.optional().describe('Certificate authority that client certificates must be signed by (mTLS)'),
}

/** One or several; always several once read. */
export const severalField = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
  .transform((given): readonly string[] => (typeof given === 'string' ? [given] : given))

/** Name of a tag. */
export const tagField = z.string().superRefine((name, context) => {
  const fault = tagFault(name)
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
})
