import type { Log } from '../log/log.ts'
import { topicName } from '../model/path.ts'

/**
 * The topics that are there and hold numbered records: what was handed over, whether a config still names its topic or
 * not, else numbers that are safely stored would count as lost after a change of the config.
 */
export async function dataTopics(log: Log, site: string, kinds: readonly string[]): Promise<string[]> {
  const named = new Set([...kinds, 'telemetry', 'events', 'quarantine'].map((kind) => topicName(site, kind)))
  const raw = topicName(site, 'raw')
  const names = (await log.topics()).map(({ name }) => name)
  return names.filter((name) => named.has(name) || name === raw || name.startsWith(`${raw}-`)).sort()
}
