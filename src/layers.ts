/**
 * Who may import whom: the table of docs/architecture.md as data. The linter reads it (`tools/lint/layers.ts`) and fails with
 * a sentence; `test/layers.test.ts` plants a violation to see it fail.
 *
 * A folder's own files are always allowed. `*` is everything. Sources, processors and sinks never import each other:
 * each folder directly below them is an island.
 */
export const LAYERS: { readonly [folder: string]: readonly string[] } = {
  model: [],
  system: [],
  component: ['model', 'system'],
  config: ['model', 'system', 'component'],
  log: ['model', 'system', 'component'],
  ledger: ['model', 'system', 'component', 'log'],
  flow: ['model', 'system', 'component', 'log', 'ledger'],
  sources: ['model', 'system', 'component'],
  processors: ['model', 'system', 'component'],
  sinks: ['model', 'system', 'component'],
  twins: ['model', 'system', 'component', 'log'],
  alarms: ['model', 'system', 'component', 'log'],
  events: ['model', 'system', 'component', 'log'],
  api: ['model', 'system', 'component', 'config', 'log', 'ledger', 'twins', 'alarms', 'events'],
  boards: ['model', 'system', 'component', 'config', 'log', 'flow', 'events', 'processors', 'api'],
  cli: [
    'model',
    'system',
    'component',
    'config',
    'api',
    'hub.ts',
    'attach.ts',
    'replaying.ts',
    'world.ts',
    'registry.ts',
    'version.ts',
  ],
  'registry.ts': ['component', 'sources', 'processors'],
  'hub.ts': [
    'model',
    'system',
    'component',
    'config',
    'log',
    'ledger',
    'flow',
    'sources',
    'twins',
    'alarms',
    'boards',
    'api',
    'registry.ts',
    'attach.ts',
    'plant-log.ts',
    'alarming.ts',
    'processing.ts',
    'replications.ts',
    'version.ts',
  ],
  'plant-log.ts': ['system', 'config', 'log'],
  'replications.ts': ['model', 'system', 'config', 'log', 'ledger', 'flow', 'api', 'plant-log.ts'],
  'alarming.ts': ['model', 'system', 'component', 'config', 'log', 'flow', 'alarms', 'api'],
  'processing.ts': ['model', 'system', 'config', 'log', 'ledger', 'flow', 'api'],
  'replaying.ts': ['model', 'system', 'config', 'log', 'flow', 'attach.ts'],
  'attach.ts': ['model', 'system', 'config', 'log', 'ledger', 'flow', 'plant-log.ts'],
  'world.ts': ['system', 'sources'],
  'plugin.ts': ['model', 'component'],
  'testing.ts': ['flow'],
  'version.ts': [],
  'errors.ts': [],
  'main.ts': ['cli'],
}

/** Folders whose children may not import each other. */
export const ISLANDS: readonly string[] = ['sources', 'processors', 'sinks']
