import { ApiError } from './errors.ts'
import type { HubPort } from './hub-port.ts'

/**
 * Whoever wants something stored is better off with an answer now than with a wait of which nobody knows the end.
 * @throws ApiError `NOT_STORED` while the log does not store
 */
export function refuseUnlessStored(hub: HubPort): void {
  const { log } = hub.hub()
  if (log.state === 'live') return
  throw new ApiError(503, 'NOT_STORED', `Cannot store the request: ${log.reason}`, { 'retry-after': '1' })
}
