import { Secret } from '../system/secret.ts'
import type { ConfigDocument, DocumentPath } from './document.ts'
import type { Problem } from './problem.ts'

/** Where references of a config are looked up. */
export interface Surroundings {
  readonly env: { readonly [name: string]: string | undefined }
  /** Reads a file, by a path relative to the config file; undefined where it cannot be read. */
  readFile(path: string): Promise<string | undefined>
  /** The same for what is no text; absent: there are no such files. */
  readBytes?(path: string): Promise<Uint8Array | undefined>
}

/**
 * Replaces `secret:NAME` and `env:NAME` by a `Secret` and `file:PATH` by the file's text and `bytes:PATH` by its
 * bytes, everywhere in a config.
 * A secret is the environment variable `MILLRACE_SECRET_NAME` or the file `secrets/NAME` beside the config.
 */
export async function resolveReferences(
  document: ConfigDocument,
  around: Surroundings,
): Promise<{ value: unknown; problems: Problem[] }> {
  const problems: Problem[] = []

  const walk = async (value: unknown, path: DocumentPath): Promise<unknown> => {
    if (typeof value === 'string') return resolve(value, path)
    if (Array.isArray(value)) return Promise.all(value.map((item, index) => walk(item, [...path, index])))
    if (typeof value !== 'object' || value === null) return value
    const entries = Object.entries(value).map(async ([key, item]) => [key, await walk(item, [...path, key])] as const)
    return Object.fromEntries(await Promise.all(entries))
  }

  const resolve = async (text: string, path: DocumentPath): Promise<unknown> => {
    const match = /^(secret|env|file|bytes):(.+)$/.exec(text)
    if (!match) return text
    const [, scheme, name] = match as unknown as [string, string, string]
    const found = await lookUp(scheme, name, around)
    if (found !== undefined) return typeof found === 'string' && scheme !== 'file' ? new Secret(found) : found
    problems.push(document.problem(path, missing(scheme, name)))
    return text
  }

  const value = await walk(document.value(), [])
  return { value, problems }
}

async function lookUp(scheme: string, name: string, around: Surroundings): Promise<string | Uint8Array | undefined> {
  if (scheme === 'env') return around.env[name]
  if (scheme === 'file') return around.readFile(name)
  if (scheme === 'bytes') return around.readBytes?.(name)
  if (!isSecretName(name)) return undefined
  return around.env[secretVariable(name)] ?? (await around.readFile(`secrets/${name}`))?.trimEnd()
}

function missing(scheme: string, name: string): string {
  if (scheme === 'env')
    return `Cannot find environment variable "${name}": it is not set, want it set before Millrace starts`
  if (scheme === 'file' || scheme === 'bytes')
    return `Cannot read file "${name}": it is not there or not readable, want a path relative to the config`
  if (!isSecretName(name)) return `Cannot use secret name "${name}": want letters, digits, "-" and "_"`
  return `Cannot find secret "${name}": want the environment variable ${secretVariable(name)} or the file secrets/${name}`
}

function isSecretName(name: string): boolean {
  return /^[A-Za-z0-9_-]{1,64}$/.test(name)
}

function secretVariable(name: string): string {
  return `MILLRACE_SECRET_${name.toUpperCase().replaceAll('-', '_')}`
}
