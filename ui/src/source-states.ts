import type { SourceView } from '../../src/api/contract.ts'
import type { State } from './tree.ts'

/** What each state of a source means for the person in front of the page. */
export const SOURCE_STATES: { readonly [state in SourceView['state']]: State } = {
  live: 'good',
  starting: 'good',
  stopped: 'good',
  stale: 'stale',
  down: 'bad',
  failed: 'bad',
}
