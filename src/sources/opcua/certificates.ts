import { createHash, createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import type { Disk } from '../../system/disk.ts'
import type { Logger } from '../../system/logger.ts'
import { OpcuaError } from './errors.ts'

/** What the config says about server certificates: "first-use", a folder, PEM texts, fingerprints. */
export type Trust = string | readonly string[] | undefined

/** DER bytes of the certificates in a PEM text, in order. */
export function certificatesOf(pem: string): Buffer[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return blocks.map((block) => new X509Certificate(block).raw as Buffer)
}

export function privateKeyOf(pem: string): KeyObject {
  return createPrivateKey(pem)
}

/** `sha256:` and the hex digits of a certificate's SHA-256, as the config and the log write it. */
export function fingerprint(der: Uint8Array): string {
  return `sha256:${createHash('sha256').update(der).digest('hex')}`
}

/** The application URI a certificate carries (OPC 10000-6 6.2.2), or undefined. */
export function applicationUriOf(der: Uint8Array): string | undefined {
  return /URI:([^,\s]+)/.exec(new X509Certificate(der).subjectAltName ?? '')?.[1]
}

/**
 * Decides whether a server's certificate is trusted: it is listed itself, by PEM or fingerprint, or a listed authority
 * signed it and it names the host we connect to; it must be within its time either way (OPC 10000-4 6.1.3; revocation
 * lists are not read). A folder is read anew at every connection, so a certificate can be added while running.
 */
export class TrustList {
  readonly #trust: Trust
  readonly #disk: Disk
  readonly #logger: Logger
  /** The certificate that "first-use" settled on. */
  #pinned: string | undefined

  constructor(trust: Trust, disk: Disk, logger: Logger) {
    this.#trust = trust
    this.#disk = disk
    this.#logger = logger
  }

  /** @throws OpcuaError `OPCUA_UNTRUSTED` with the fingerprint that the config would have to name. */
  async check(der: Uint8Array, host: string, now: number): Promise<void> {
    const print = fingerprint(der)
    const fault = (await this.#fault(der, print, host)) ?? timeFault(der, now)
    if (fault === undefined) return
    throw new OpcuaError('OPCUA_UNTRUSTED', `Cannot trust the certificate of "${host}": ${fault}; it is ${print}`)
  }

  async #fault(der: Uint8Array, print: string, host: string): Promise<string | undefined> {
    if (this.#trust === 'first-use') return this.#firstUse(print, host)
    const given = typeof this.#trust === 'string' ? await this.#readTrust(this.#trust) : (this.#trust ?? [])
    if (given.some((entry) => samePrint(entry, print))) return undefined
    const listed = given.flatMap((entry) => certificatesOf(entry))
    if (listed.some((one) => fingerprint(one) === print)) return undefined
    const certificate = new X509Certificate(der)
    if (!listed.some((one) => signedBy(certificate, one))) return 'neither it nor its issuer is in "trust"'
    const named = certificate.checkHost(host) ?? certificate.checkIP(host)
    return named === undefined ? `it is for ${certificate.subjectAltName ?? 'no host'}` : undefined
  }

  #firstUse(print: string, host: string): string | undefined {
    if (this.#pinned === undefined) {
      this.#pinned = print
      this.#logger.warn('Trusting the first certificate of an OPC UA server; write its fingerprint into "trust"', {
        host,
        fingerprint: print,
      })
    }
    return this.#pinned === print ? undefined : `it has changed from ${this.#pinned}`
  }

  async #readTrust(trust: string): Promise<string[]> {
    if (trust.includes('-----BEGIN ') || /^sha256:/i.test(trust)) return [trust]
    const names = (await this.#disk.list(trust)).filter((name) => /\.(pem|crt|cer|der)$/i.test(name))
    return Promise.all(names.map(async (name) => toPem(await this.#disk.readFile(`${trust}/${name}`))))
  }
}

function samePrint(entry: string, print: string): boolean {
  if (!/^sha256:/i.test(entry)) return false
  // People copy fingerprints with colons between the bytes.
  return (
    `sha256:${entry
      .slice(7)
      .replace(/[^0-9a-fA-F]/g, '')
      .toLowerCase()}` === print
  )
}

function signedBy(certificate: X509Certificate, issuer: Uint8Array): boolean {
  const authority = new X509Certificate(issuer)
  return authority.ca && certificate.checkIssued(authority) && certificate.verify(authority.publicKey)
}

function timeFault(der: Uint8Array, now: number): string | undefined {
  const { validFrom, validTo } = new X509Certificate(der)
  if (now < Date.parse(validFrom)) return `it is valid from ${validFrom} on`
  return now > Date.parse(validTo) ? `it expired at ${validTo}` : undefined
}

function toPem(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('latin1')
  if (text.includes('-----BEGIN ')) return text
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(bytes).toString('base64')}\n-----END CERTIFICATE-----\n`
}
