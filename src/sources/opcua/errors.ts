/** A fault of an OPC UA server or of what was configured for it. `code` is one of the table in `docs/errors.md`. */
export class OpcuaError extends Error {
  readonly code: OpcuaErrorCode

  constructor(code: OpcuaErrorCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'OpcuaError'
    this.code = code
  }
}

/**
 * - `OPCUA_UNREACHABLE`: no connection, or no answer in time; retried for ever
 * - `OPCUA_REFUSED`: the server said no to the session or its user; a person must look
 * - `OPCUA_UNTRUSTED`: the server's certificate is not trusted here; a person must look
 * - `OPCUA_UNSAFE_PASSWORD`: the password would travel unprotected; a person must look
 * - `OPCUA_LOST`: an open connection broke or fell silent; retried for ever
 * - `OPCUA_NOT_STORED`: the log refused what was read, so the subscription is made anew; retried for ever
 */
export type OpcuaErrorCode =
  | 'OPCUA_UNREACHABLE'
  | 'OPCUA_REFUSED'
  | 'OPCUA_UNTRUSTED'
  | 'OPCUA_UNSAFE_PASSWORD'
  | 'OPCUA_LOST'
  | 'OPCUA_NOT_STORED'

/** Whether trying again cannot help before a person has changed something. */
export function needsPerson(error: OpcuaError): boolean {
  return ['OPCUA_REFUSED', 'OPCUA_UNTRUSTED', 'OPCUA_UNSAFE_PASSWORD'].includes(error.code)
}
