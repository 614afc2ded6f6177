import { topicName } from '../model/path.ts'
import type { ConfigDocument } from './document.ts'
import type { ConfiguredProcessor, Plant } from './plant.ts'
import type { Problem } from './problem.ts'

/**
 * Those whom a product is for may read products and their contracts, and nothing else: whoever could read the plant's data
 * as well would need no pseudonyms. Checked for the embedded log, whose users are in the config; where it has none, only
 * this machine reaches it.
 */
export function checkReaders(document: ConfigDocument, plant: Plant, problems: Problem[]): void {
  const { log, processors, site } = plant
  if (log.kind !== 'embedded' || log.security.users.length === 0) return
  for (const processor of processors) {
    for (const reader of readersOf(processor)) {
      const fault = readerFault(reader, log.security.users, site)
      if (fault === undefined) continue
      const { name, spec } = processor
      const message = `Cannot share "${name}" with "${reader}": ${fault}`
      problems.push(document.problem(['processors', name, spec.kind], message))
    }
  }
}

function readersOf({ spec, config }: ConfiguredProcessor): readonly string[] {
  return spec.readers?.(config) ?? []
}

interface User {
  readonly name: string
  readonly can: readonly string[]
  readonly topics: readonly string[]
}

function readerFault(reader: string, users: readonly User[], site: string): string | undefined {
  const user = users.find(({ name }) => name === reader)
  if (user === undefined) return 'no user of the log has this name, want one in "log.embedded.users"'
  if (user.can.some((right) => right !== 'read')) return `this user can ${user.can.join(', ')}, want read alone`
  const products = topicName(site, 'product-')
  const other = user.topics.find((topic) => !topic.startsWith(products) && topic !== topicName(site, 'contracts'))
  if (other === undefined) return undefined
  return `this user can read "${other}", want only topics that begin with "${products}", and contracts`
}
