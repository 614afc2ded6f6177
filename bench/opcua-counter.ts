import { parseArgs } from 'node:util'
import type { PublishResponse } from 'node-opcua-client'
import type { SourceContext } from '../src/component/source.ts'
import { machine } from '../src/cli/machine.ts'
import { TrustList } from '../src/sources/opcua/certificates.ts'
import { loadLibrary } from '../src/sources/opcua/library.ts'
import { openLink } from '../src/sources/opcua/link.ts'
import { opcuaSpec, type OpcuaConfig } from '../src/sources/opcua/spec.ts'

/**
 * What a client could do if nothing came after it, on the server of `opcua-server.ts`:
 *
 *     node bench/opcua-counter.ts --mode count|source --endpoint opc.tcp://127.0.0.1:4840 --variables 5000
 *
 * `count` subscribes with the bare services of the library and counts: the ceiling. `source` is our source as the hub
 * runs it, every batch acknowledged as it comes. Prints `{"at", "values"}` five times a second.
 */
const { values: options } = parseArgs({
  options: {
    mode: { type: 'string', default: 'count' },
    endpoint: { type: 'string', default: 'opc.tcp://127.0.0.1:4840' },
    variables: { type: 'string', default: '5000' },
  },
})

/** The same for the hub, see `opcua.ts`. */
const config = opcuaSpec.config.parse({
  endpoint: options.endpoint,
  samplingInterval: '0ms',
  publishingInterval: '100ms',
  nodes: [{ browse: 'ns=urn:millrace:bench;Bench/Machine{n}', asset: 'bench/machine{n}' }],
})
const system = machine({ logLevel: 'error', logFormat: 'text' })
const stop = new AbortController()
/** Tags of each machine of the server. */
const TAGS = 100
let values = 0

setInterval(() => console.log(JSON.stringify({ at: Date.now(), values })), 200)
process.once('SIGTERM', () => {
  stop.abort()
  setTimeout(() => process.exit(0), 500)
})
if (options.mode === 'source') await countSource(config)
else await countNotifications(config)

async function countSource(checked: OpcuaConfig): Promise<void> {
  const context: SourceContext = { name: 'bench', site: 'acme/bench', system, http: { post: () => () => {} } }
  for await (const batch of opcuaSpec.create(checked, context).read(stop.signal)) {
    for (const item of batch.items) if (item.kind === 'reading') values += Object.keys(item.reading.values).length
    batch.ack()
  }
}

async function countNotifications(checked: OpcuaConfig): Promise<void> {
  const library = await loadLibrary(system.logger)
  const trust = new TrustList(undefined, system.disk, system.logger)
  const { session, namespaces } = await openLink(library, checked, trust, system, stop.signal)
  const { subscriptionId } = await session.createSubscription({
    requestedPublishingInterval: checked.publishingInterval,
    requestedMaxKeepAliveCount: 50,
    requestedLifetimeCount: 1200,
    maxNotificationsPerPublish: 10_000,
    publishingEnabled: true,
    priority: 0,
  })
  const publish = (acknowledged: readonly number[]) => {
    const subscriptionAcknowledgements = acknowledged.map((sequenceNumber) => ({ subscriptionId, sequenceNumber }))
    session.publish(new library.PublishRequest({ subscriptionAcknowledgements }), (error, response) => {
      if (error || !response || stop.signal.aborted) return
      values += sizeOf(response)
      publish([response.notificationMessage.sequenceNumber])
    })
  }
  for (let pipelined = 0; pipelined < 3; pipelined++) publish([])
  const index = namespaces.indexOf('urn:millrace:bench')
  const nodes = Array.from(
    { length: Number(options.variables) },
    (_, n) => `ns=${index};s=${1 + Math.floor(n / TAGS)}.${n % TAGS}`,
  )
  for (let at = 0; at < nodes.length; at += 1_000) {
    await session.createMonitoredItems({
      subscriptionId,
      timestampsToReturn: library.TimestampsToReturn.Both,
      itemsToCreate: nodes.slice(at, at + 1_000).map((nodeId, n) => ({
        itemToMonitor: { nodeId, attributeId: library.AttributeIds.Value },
        monitoringMode: library.MonitoringMode.Reporting,
        requestedParameters: {
          clientHandle: at + n,
          samplingInterval: checked.samplingInterval,
          queueSize: checked.queueSize,
          discardOldest: true,
        },
      })),
    })
  }
}

function sizeOf(response: PublishResponse): number {
  let size = 0
  for (const notification of response.notificationMessage.notificationData ?? []) {
    size += (notification as { monitoredItems?: readonly unknown[] } | null)?.monitoredItems?.length ?? 0
  }
  return size
}
