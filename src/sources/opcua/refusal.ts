import type { CommandAnswer } from '../../component/source.ts'

/** What came of a command where it was not accepted. */
export type NotAccepted = Exclude<CommandAnswer, { kind: 'accepted' }>

export function refused(code: string, reason: string): NotAccepted {
  return { kind: 'refused', code, reason }
}

export function notSent(reason: string): NotAccepted {
  return { kind: 'not-sent', reason }
}

export function unknown(reason: string): NotAccepted {
  return { kind: 'unknown', reason }
}

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
