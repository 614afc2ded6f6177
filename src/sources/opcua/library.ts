import type * as client from 'node-opcua-client'
import type * as common from 'node-opcua-common'
import type * as transport from 'node-opcua-transport'
import type { Logger } from '../../system/logger.ts'

/** The OPC UA library, loaded only when a source is configured: it takes 0.9 s and 90 MB. */
export type Library = typeof client & typeof common & Pick<typeof transport, 'ClientTCP_transport'>

let loading: Promise<Library> | undefined

/** Loads the library once; what it prints by itself goes to `logger` as debug lines. */
export function loadLibrary(logger: Logger): Promise<Library> {
  loading ??= load(logger)
  return loading
}

async function load(logger: Logger): Promise<Library> {
  const [client, common, { ClientTCP_transport }] = await Promise.all([
    import('node-opcua-client'),
    import('node-opcua-common'),
    import('node-opcua-transport'),
  ])
  const say = (...parts: unknown[]) => logger.debug(parts.map(String).join(' ').trim())
  client.setWarningLogger(say)
  client.setErrorLogger(say)
  client.setDebugLogger(say)
  return { ...common, ...client, ClientTCP_transport }
}
