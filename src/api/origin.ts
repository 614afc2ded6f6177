import { isLoopbackHost } from '../system/net.ts'
import { ApiError } from './errors.ts'

const IPV4 = /^\d{1,3}(\.\d{1,3}){3}$/

/** Whether an address can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  return isLoopbackHost(bare(host))
}

/**
 * By which names the server may be called. A foreign page that points its own name at us (DNS rebinding) still sends
 * that name, so names are allowed one by one; an address as such cannot be rebound, so it is fine wherever the server
 * listens beyond loopback.
 */
export class AllowedHosts {
  readonly #names: ReadonlySet<string>
  readonly #anyAddress: boolean

  constructor(listenHost: string, hosts: readonly string[]) {
    this.#names = new Set([listenHost, ...hosts].map((host) => bare(host).toLowerCase()))
    this.#anyAddress = !isLoopback(listenHost)
  }

  /** @throws ApiError `HOST_NOT_ALLOWED` (421, RFC 9110 15.5.20) */
  check(hostHeader: string | undefined): void {
    const name = hostName(hostHeader ?? '')
    if (name !== undefined && (isLoopback(name) || this.#names.has(name))) return
    if (name !== undefined && this.#anyAddress && (IPV4.test(name) || name.includes(':'))) return
    throw new ApiError(
      421,
      'HOST_NOT_ALLOWED',
      `Cannot answer for host ${JSON.stringify(hostHeader ?? '')}: it is not one of our names, want it in "api.hosts"`,
    )
  }
}

/**
 * Refuses what a foreign page makes a browser send: an `Origin` that is not the address the request itself was sent
 * to, or `Sec-Fetch-Site` saying so. Programs send neither. `required`: a request without an Origin is refused too.
 * @throws ApiError `ORIGIN_NOT_ALLOWED`
 */
export function checkOrigin(headers: OriginHeaders, required: boolean): void {
  const { origin, host } = headers
  const site = headers['sec-fetch-site']
  const foreignSite = site !== undefined && site !== 'same-origin' && site !== 'none'
  const foreignOrigin = origin === undefined ? required : !sameOrigin(origin, host ?? '')
  if (!foreignSite && !foreignOrigin) return
  const told = origin === undefined ? 'no Origin' : `Origin ${JSON.stringify(origin)}`
  throw new ApiError(403, 'ORIGIN_NOT_ALLOWED', `Cannot take a request with ${told}: want the page's own`)
}

export interface OriginHeaders {
  readonly origin?: string
  readonly host?: string
  readonly 'sec-fetch-site'?: string
}

function sameOrigin(origin: string, host: string): boolean {
  const match = /^https?:\/\/([^/]+)$/i.exec(origin)
  return match !== null && match[1]!.toLowerCase() === host.toLowerCase()
}

/** The name in a `Host` header, lower case, without port and brackets; undefined where it is not one. */
function hostName(header: string): string | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?$/i.exec(header)
  // A trailing dot names the same host.
  return match === null ? undefined : bare(match[1]!).toLowerCase().replace(/\.$/, '')
}

function bare(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
}
