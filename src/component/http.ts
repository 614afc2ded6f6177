/** A request as a source sees it: the body is whole, and within the server's limit. */
export interface HttpRequest {
  /** What the route's wildcard matched, percent-decoded. */
  readonly path: string
  readonly headers: { readonly [name: string]: string | undefined }
  readonly body: Uint8Array
  /** Name of the authenticated caller; undefined on an open loopback. */
  readonly caller?: string
}

export interface HttpAnswer {
  readonly status: number
  readonly headers?: { readonly [name: string]: string }
  /** Sent as JSON. */
  readonly body: unknown
}

export type HttpHandler = (request: HttpRequest) => Promise<HttpAnswer>

/**
 * The hub's own HTTP server, as sources see it. Authentication (right `write`), Host and Origin checks, and the
 * limits on size, time and rate have been applied before a handler is called.
 */
export interface HttpHost {
  /**
   * Mounts a handler for `POST <prefix>` (its path is empty then) and `POST <prefix>/*`; answers a function that unmounts
   * it. Of several at one prefix the first that does not answer 404 wins.
   */
  post(prefix: string, handler: HttpHandler): () => void
}
