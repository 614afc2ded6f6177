import type { Schema } from './schemas.ts'

/**
 * What the table of routes does not say of each of them: its query, and the types of its body and its answer, by their names
 * in the contract. A test asks a running hub for each: it takes these parameters and no other, and answers so.
 */
export interface Operation {
  readonly query?: { readonly [name: string]: Parameter }
  /** A type, as it would stand in code. */
  readonly body?: string
  readonly answer: string
  /** Statuses of the answer; 200 unless it says otherwise. */
  readonly statuses?: readonly number[]
  /** The type of a refusal that says more than a problem does. */
  readonly refusal?: string
  /** Another type of content that there is to choose from. */
  readonly also?: 'text/csv'
}

interface Parameter {
  readonly description: string
  readonly schema: Schema
  readonly isRequired?: true
}

const text: Schema = { type: 'string' }
const flag: Schema = { type: 'boolean' }
const number: Schema = { type: 'number' }
const of = (description: string, schema: Schema = text): Parameter => ({ description, schema })
const needed = (description: string, schema: Schema = text): Parameter => ({
  ...of(description, schema),
  isRequired: true,
})
const limit = (usual: number, most: number): Parameter =>
  of('How many at most.', { type: 'integer', minimum: 1, maximum: most, default: usual })

const time: Schema = { type: 'string', examples: ['1769846400000', '2026-01-31T08:00:00Z'] }
const TIMES = { from: of('A moment: ms since 1970, or ISO 8601.', time), to: of('A moment.', time) }
const at = of('As it was at a moment that is over.', time)
const after = of('`next` of the page before.')
const match = of('A pattern of assets, below the site or in full: `fleet/*`, `press-shop/**`.')
const tags = of('Tags, joined by commas.')

const ALARMS = {
  on: match,
  alarm: of('A pattern of names of alarms.'),
  state: of('States of alarms, joined by commas.'),
  priority: of('Some of low, medium, high and critical, joined by commas.'),
}

const HISTORY = {
  tags,
  ...TIMES,
  limit: limit(1_000, 10_000),
  aggregate: of('Aggregates of OPC UA Part 13 in place of samples, joined by commas: `TimeAverage,Maximum`.'),
  every: of('Length of an interval of an aggregate: `1m`, `8h`. Absent: one interval.'),
  stepped: of('Values hold until the next one; absent: as the tag is.', flag),
  treatUncertainAsBad: of('As OPC UA Part 13 has it.', flag),
  percentDataBad: of('As OPC UA Part 13 has it.', number),
  percentDataGood: of('As OPC UA Part 13 has it.', number),
  slopedExtrapolation: of('As OPC UA Part 13 has it.', flag),
  points: of('A chart of so many points at most, in place of samples.', {
    type: 'integer',
    minimum: 3,
    maximum: 10_000,
  }),
  method: of('How a chart is made.', { enum: ['min-max', 'lttb'] }),
  format: of('What comes back; `accept: text/csv` does the same.', { enum: ['json', 'csv'] }),
}

/** 200: it was asked for before, or only on trial. */
const COMMANDED = { answer: 'CommandAnswerView', statuses: [200, 202], refusal: 'ProblemView | CommandRefusalView' }

/** By method and address, as docs/api.md writes them. */
export const OPERATIONS: { readonly [route: string]: Operation } = {
  'GET /healthz': { answer: 'HealthView' },
  'GET /metrics': { answer: 'text/plain' },
  'GET /api/v1/openapi.json': { answer: '{ [field: string]: unknown }' },
  'GET /api/v1/status': { answer: 'HubView' },
  'GET /api/v1/assets': {
    query: {
      under: of('Only this path and what is below it.'),
      match,
      model: of('Only machines of this model.'),
      where: of('A condition in CEL over values: `temperature > 80.0`.'),
      at,
      limit: limit(100, 1_000),
      after,
    },
    answer: 'AssetsView | PastAssetsView',
  },
  'GET /api/v1/assets/{path}': { query: { at }, answer: 'TwinView | PastTwinView' },
  'GET /api/v1/assets/{path}/compare': {
    query: { a: needed('A moment that is over.', time), b: of('Another one; absent: now.', time) },
    answer: 'CompareView',
  },
  'GET /api/v1/assets/{path}/history': {
    query: HISTORY,
    answer: 'HistoryView | AggregatesView | ChartView',
    also: 'text/csv',
  },
  'GET /api/v1/history': {
    query: { on: { ...match, isRequired: true }, ...HISTORY, tags: { ...tags, isRequired: true } },
    answer: 'HistoryView | AggregatesView | ChartView',
    also: 'text/csv',
  },
  'GET /api/v1/history/join': {
    query: {
      tags: needed('Tags with their assets, joined by commas: `acme/berlin/oven:heat`.'),
      ...TIMES,
      tolerance: of('How old a value may be: `10s`.'),
      every: of('Rows at these intervals, in place of the times of the first tag.'),
      limit: limit(1_000, 10_000),
      format: HISTORY.format,
    },
    answer: 'JoinView',
    also: 'text/csv',
  },
  'POST /api/v1/forecasts': { body: 'ForecastRequest', answer: 'ForecastView' },
  'POST /api/v1/query': { body: 'SqlRequest', answer: 'SqlView' },
  'GET /api/v1/values': {
    query: {
      on: { ...match, isRequired: true },
      tags: { ...tags, isRequired: true },
      at,
      limit: limit(1_000, 10_000),
      after,
    },
    answer: 'ValuesView | PastValuesView',
  },
  'GET /api/v1/values/{path}': { query: { at }, answer: '{ [tag: string]: JsonValue }' },
  'GET /api/v1/models': { answer: '{ models: ModelView[] }' },
  'GET /api/v1/sources': { answer: '{ sources: SourceView[] }' },
  'GET /api/v1/sources/{name}': { answer: 'SourceView' },
  'GET /api/v1/ledger': { answer: 'LedgerView' },
  'GET /api/v1/replication': { answer: '{ replications: ReplicationView[] }' },
  'GET /api/v1/processors': { answer: '{ processors: ProcessorView[] }' },
  'GET /api/v1/sinks': { answer: '{ sinks: SinkView[] }' },
  'GET /api/v1/events': {
    query: {
      type: of('A pattern of types.'),
      asset: match,
      ...TIMES,
      latest: of('Only the newest of each asset and type.', flag),
      limit: limit(100, 500),
      after,
    },
    answer: 'EventsView',
  },
  'GET /api/v1/oee/{path}': {
    query: {
      period: of('What time it is of.', { enum: ['now', 'hour', 'shift', 'day'] }),
      at: of('A moment in it.', time),
      ...TIMES,
    },
    answer: 'OeeView',
  },
  'GET /api/v1/hubs': { answer: 'HubsView' },
  'GET /api/v1/topics': { answer: '{ topics: TopicView[] }' },
  'GET /api/v1/topics/{name}': { answer: 'TopicView' },
  'GET /api/v1/topics/{name}/records': {
    query: {
      at: of('Partitions and offsets: `0:17,1:4`.'),
      time: of('A moment.', time),
      back: of('The page before that place.', flag),
      partition: of('Only this one.', { type: 'integer' }),
      limit: limit(50, 500),
    },
    answer: 'RecordsView',
  },
  'GET /api/v1/consumers': { answer: '{ consumers: ConsumerView[] }' },
  'GET /api/v1/alarms': {
    query: { ...ALARMS, at, limit: limit(100, 500), skip: of('How many to pass over.', { type: 'integer' }) },
    answer: 'AlarmsView',
  },
  'GET /api/v1/alarms/groups': {
    query: { ...ALARMS, at, limit: limit(100, 500) },
    answer: '{ groups: AlarmGroupView[] }',
  },
  'GET /api/v1/alarms/journal': {
    query: { ...ALARMS, action: of('Actions, joined by commas.'), ...TIMES, limit: limit(100, 500), after },
    answer: 'AlarmJournalView',
  },
  'GET /api/v1/alarms/figures': { query: TIMES, answer: 'AlarmFiguresView' },
  'POST /api/v1/alarms/commands': { body: 'AlarmCommandRequest', answer: 'AlarmCommandView' },
  'GET /api/v1/commands': {
    query: { asset: match, on: match, state: of('States, joined by commas.'), limit: limit(100, 500) },
    answer: 'CommandsView',
  },
  'GET /api/v1/commands/{id}': { answer: 'CommandView' },
  'GET /api/v1/assets/{path}/commands': { answer: 'DeclaredCommandsView' },
  'POST /api/v1/commands': { body: 'CommandRequest', ...COMMANDED },
  'POST /api/v1/commands/{id}/approve': { body: 'ApprovalRequest', ...COMMANDED },
  'GET /api/v1/audit': {
    query: { limit: limit(100, 500), before: of('`next` of the page before.'), asset: match, by: of('Who did it.') },
    answer: 'AuditView',
  },
  'GET /api/v1/live': { answer: 'ProblemView', statuses: [426] },
  'POST /api/v1/ingest/{path}': {
    body: '{ [tag: string]: unknown } | readonly { [field: string]: unknown }[]',
    answer: '{ stored: number; quarantined: number; dropped: number }',
  },
  'POST /api/v1/events': {
    body: '{ [field: string]: unknown } | readonly { [field: string]: unknown }[]',
    answer: '{ stored: number; quarantined: number; dropped: number }',
  },
  'POST /api/v1/login': { body: '{ token: string }', answer: '{ name?: string; can: readonly string[] }' },
  'POST /api/v1/logout': { answer: '{ [field: string]: unknown }' },
}
