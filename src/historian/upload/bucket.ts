import { AwsClient } from 'aws4fetch'
import type { Secret } from '../../system/secret.ts'

export interface BucketConfig {
  /** `https://s3.eu-central-1.amazonaws.com`, `http://minio:9000`. */
  readonly endpoint: string
  readonly bucket: string
  /** Before the names of all objects; '' or without slashes at its ends. */
  readonly prefix: string
  readonly region: string
  readonly accessKey: Secret
  readonly secretKey: Secret
}

export interface StoredObject {
  /** Below the prefix. */
  readonly key: string
  readonly bytes: number
}

/** How long one request may take, ms. */
const TIMEOUT_MS = 120_000
/** Characters of an answer that are shown in an error. */
const SHOWN = 300

/**
 * A bucket that is spoken to as S3 is (Amazon S3 API 2006-03-01: ListObjectsV2, PutObject, DeleteObject; path-style addresses;
 * Signature Version 4). Redirects are not followed.
 * @throws Error with the status and the beginning of the answer, or a system error
 */
export class Bucket {
  readonly #config: BucketConfig
  readonly #client: AwsClient

  constructor(config: BucketConfig) {
    this.#config = config
    this.#client = new AwsClient({
      accessKeyId: config.accessKey.reveal(),
      secretAccessKey: config.secretKey.reveal(),
      service: 's3',
      region: config.region,
      // Whoever calls knows better when to try again.
      retries: 0,
    })
  }

  /** All objects below the prefix. */
  async list(signal: AbortSignal): Promise<StoredObject[]> {
    const objects: StoredObject[] = []
    let token: string | undefined
    do {
      const query = new URLSearchParams({
        'list-type': '2',
        prefix: this.#below(''),
        ...(token !== undefined && { 'continuation-token': token }),
      })
      const text = await this.#ask('list', 'GET', `?${query.toString()}`, undefined, signal)
      for (const [, entry] of text.matchAll(/<Contents>([\s\S]*?)<\/Contents>/g)) {
        const key = element(entry!, 'Key')
        if (key !== undefined)
          objects.push({ key: key.slice(this.#below('').length), bytes: Number(element(entry!, 'Size')) })
      }
      token = element(text, 'IsTruncated') === 'true' ? element(text, 'NextContinuationToken') : undefined
    } while (token !== undefined)
    return objects
  }

  async put(key: string, content: Uint8Array, signal: AbortSignal): Promise<void> {
    await this.#ask(`put "${key}"`, 'PUT', `/${encoded(this.#below(key))}`, content, signal)
  }

  async delete(key: string, signal: AbortSignal): Promise<void> {
    await this.#ask(`delete "${key}"`, 'DELETE', `/${encoded(this.#below(key))}`, undefined, signal)
  }

  #below(key: string): string {
    const { prefix } = this.#config
    return prefix === '' ? key : `${prefix}/${key}`
  }

  async #ask(
    what: string,
    method: string,
    rest: string,
    body: Uint8Array | undefined,
    signal: AbortSignal,
  ): Promise<string> {
    const { endpoint, bucket } = this.#config
    const request = await this.#client.sign(`${endpoint}/${bucket}${rest}`, {
      method,
      ...(body && { body: Buffer.from(body) }),
    })
    const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])
    const answer = await fetch(request, { signal: limit, redirect: 'error' })
    const text = await answer.text()
    if (answer.ok) return text
    throw new Error(`Cannot ${what} in bucket "${bucket}": it answered ${answer.status} ${reasonOf(text)}`.trim())
  }
}

/** The message of an error document, or what there is. */
function reasonOf(text: string): string {
  return (element(text, 'Message') ?? text).slice(0, SHOWN)
}

function element(xml: string, name: string): string | undefined {
  const found = new RegExp(`<${name}>([\\s\\S]*?)</${name}>`).exec(xml)?.[1]
  return found?.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&')
}

function encoded(key: string): string {
  return key.split('/').map(encodeURIComponent).join('/')
}
