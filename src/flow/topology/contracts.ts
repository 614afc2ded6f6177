import type { Log, NewRecord } from '../../log/log.ts'
import type { Json } from '../../model/json-value.ts'
import { topicName } from '../../model/path.ts'
import { textOf } from '../../system/text.ts'

/**
 * Publishes what those may rely on who read products, one document a product, to `<site>.contracts`, which must exist: those
 * that are new or another than before; of a product that is made no more it is taken back. Resolves when that is durable.
 * @throws LogError
 */
export async function publishContracts(
  log: Log,
  site: string,
  contracts: ReadonlyMap<string, Json>,
  now: number,
): Promise<void> {
  const topic = topicName(site, 'contracts')
  const published = await readContracts(log, topic)
  const headers = [['content-type', 'application/json']] as const
  const records: NewRecord[] = []
  for (const [product, contract] of contracts) {
    const value = JSON.stringify(contract)
    if (published.get(product) !== value) records.push({ key: product, value, headers, timestamp: now })
  }
  for (const product of published.keys()) {
    if (!contracts.has(product)) records.push({ key: product, value: null, timestamp: now })
  }
  if (records.length > 0) await log.append(topic, records)
}

async function readContracts(log: Log, topic: string): Promise<Map<string, string>> {
  const contracts = new Map<string, string>()
  const positions = (await log.ends(topic)).map(({ partition, start }) => ({ topic, partition, offset: start }))
  const { signal } = new AbortController()
  for await (const { records } of log.read(positions, { signal, untilEnd: true })) {
    for (const { key, value } of records) {
      if (key === null) continue
      if (value === null) contracts.delete(textOf(key))
      else contracts.set(textOf(key), textOf(value))
    }
  }
  return contracts
}
