import { isAccessFault } from '../client/protocol-faults.ts'
import { LogError } from '../log.ts'

/** What a coordinator says to a member that it will never have (kafka.apache.org/protocol, "Error Codes"). */
const FOR_EVER: { readonly [code: number]: string } = {
  23: 'the others speak another protocol',
  24: 'the name of the group is not allowed',
  26: 'the session timeout is not allowed',
  30: 'this client is not authorised for the group',
  35: 'it does not speak this version of the protocol',
  42: 'the request is not valid',
  81: 'the group is full',
}

/** The `LogError` of a coordinator's error code that is about the request, not about the member. */
export function transientError(action: string, group: string, error: number): LogError {
  const reason = FOR_EVER[error]
  if (reason !== undefined) return refusedError(group, reason)
  const message = `Cannot ${action} in group "${group}": the log answered error ${error}, want none`
  return new LogError('LOG_UNAVAILABLE', message, { retriable: true })
}

/** Whether to try again, for ever: a password is mended as a broker is. */
export function mayPass(fault: unknown): boolean {
  return fault instanceof LogError && (fault.retriable || isAccessFault(fault))
}

export function refusedError(group: string, reason: string): LogError {
  const message = `Cannot join group "${group}": ${reason}, want to be taken in`
  return new LogError('GROUP_REFUSED', message, { retriable: false })
}

export function instanceFencedError(group: string, instanceId: string): LogError {
  const message = `Cannot stay in group "${group}": another member is "${instanceId}" now, want one of each name`
  return new LogError('GROUP_FENCED', message, { retriable: false })
}

export function fencedError(group: string, topic: string, partition: number): LogError {
  const message = `Cannot commit "${topic}" partition ${partition} for group "${group}": it was given to another member, want it held`
  return new LogError('GROUP_FENCED', message, { retriable: false })
}
