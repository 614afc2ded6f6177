import { refused, unknown, type NotAccepted } from '../../component/command-answer.ts'

/**
 * Codes with which a server says that something went wrong on its way to the device, or in it: whether the value arrived
 * it does not say (OPC 10000-4 7.39.2). Every other Bad code is a no before anything was done.
 */
const IN_DOUBT = new Set([
  'Bad',
  'BadUnexpectedError',
  'BadInternalError',
  'BadOutOfMemory',
  'BadCommunicationError',
  'BadTimeout',
  'BadRequestTimeout',
  'BadRequestInterrupted',
  'BadRequestCancelledByClient',
  'BadRequestCancelledByRequest',
  'BadOperationAbandoned',
  'BadConnectionClosed',
  'BadSecureChannelClosed',
  'BadServerHalted',
  'BadShutdown',
  'BadDeviceFailure',
  'BadWaitingForResponse',
])

/** A status as the library has it. */
export interface StatusLike {
  readonly value: number
  readonly name: string
  readonly description: string
}

/** The answer that a Bad status means. */
export function refusalOf(status: StatusLike, what: string): NotAccepted {
  // Info bits make `BadNotWritable#...` of a name.
  const code = status.name.split('#')[0]!
  const reason = `Cannot ${what}: the server says ${code}`
  return IN_DOUBT.has(code) ? unknown(`${reason}, which leaves open whether it was done`) : refused(code, reason)
}
