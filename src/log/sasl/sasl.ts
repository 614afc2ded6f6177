/**
 * The two ends of a SASL exchange (RFC 4422), without a network: tokens in, tokens out. How tokens travel is the
 * matter of `client/authenticate.ts` and `broker/wire/session.ts`.
 */

/** The end that logs in. Made anew for each login. */
export interface SaslClient {
  readonly mechanism: string
  first(): Promise<Buffer>
  /**
   * Takes what the server said. Answers what to say next; undefined where the server has shown what it has to show.
   * @throws SaslError where the server is not to be believed, or has refused
   */
  next(challenge: Buffer): Promise<Buffer | undefined>
}

/** The end that is logged in to. Made anew for each login. */
export interface SaslServer {
  readonly mechanism: string
  /**
   * Takes what the client said. With a name the login is complete, and the answer is the last.
   * @throws SaslError where the login has failed; its message is for the operator, not for the client
   */
  step(token: Buffer): Promise<SaslStep>
}

export interface SaslStep {
  readonly answer: Buffer
  readonly name?: string
}

/** A login that cannot be completed. */
export class SaslError extends Error {
  readonly code = 'SASL_FAILED'
  /** Who tried, where it was said. */
  readonly userName: string | undefined

  constructor(message: string, userName?: string) {
    super(message)
    this.name = 'SaslError'
    this.userName = userName
  }
}

/** @throws SaslError where bytes are not UTF-8 */
export function tokenText(token: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(token)
  } catch {
    throw new SaslError('Cannot read SASL token: it is not UTF-8, want UTF-8 text')
  }
}
