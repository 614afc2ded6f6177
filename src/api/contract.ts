import type { DesiredView } from './contract-commands.ts'
import type { BehaviourView } from './contract-forecast.ts'

/**
 * The words of the hub's own API: what `GET /api/v1/...` answers and what `GET /api/v1/live` sends. The browser
 * application imports these types and nothing else of the server.
 *
 * Values travel as JSON: an int64 beyond 2^53 and bytes (base64) as strings; `type` tells.
 */

export interface TagView {
  readonly tag: string
  readonly value: JsonValue
  readonly type: string
  readonly kind: string
  readonly unit?: string
  readonly range?: readonly [number, number]
  /** OPC UA StatusCode, its name and its severity. */
  readonly quality: number
  readonly qualityName: string
  readonly severity: 'good' | 'uncertain' | 'bad'
  /** ms since the epoch. */
  readonly sourceTime: number
  readonly serverTime?: number
  readonly receivedTime: number
  /** The value is older than its limit, or its source is not live: do not take it for the present. */
  readonly stale: boolean
  /** Of a state: since when it has its present value; ms since the epoch, by the machine's clock. */
  readonly since?: number
}

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [name: string]: JsonValue }

/** `GET /api/v1/assets`: a page of assets, sorted by path. */
export interface AssetsView {
  readonly assets: readonly AssetSummary[]
  /** What `after` has to be for the page after this one; absent: there is none. A page may be short, or empty, and have one. */
  readonly next?: string
  /** Where a condition was asked for: how many assets it could not be told of, and why, the first time. */
  readonly unknown?: { readonly assets: number; readonly reason?: string }
}

export interface AssetSummary {
  readonly path: string
  readonly model?: string
  readonly tags: number
  readonly lastReceived?: number
  readonly stale: boolean
  /** Worst severity among its tags. */
  readonly severity: 'good' | 'uncertain' | 'bad'
}

/** `GET /api/v1/assets/{path}`: the twin. */
export interface TwinView {
  readonly path: string
  readonly model?: string
  /** Grows by one with every record that changed the twin. */
  readonly revision: number
  readonly lastReceived?: number
  readonly source?: string
  readonly tags: readonly TagView[]
  /** What tags are to be, by the last command that wrote each; absent: none ever did. */
  readonly desired?: readonly DesiredView[]
  /** Whom it belongs to, feeds, is made by; both ends tell it. `partOf` follows from the path. */
  readonly relations?: readonly RelationView[]
  /** What holds and does not change by itself: serial number, manufacturer. */
  readonly meta?: { readonly [name: string]: JsonValue }
}

/** A relation of one asset to another. */
interface RelationView {
  /** `partOf`, `feeds`, `madeBy`, or a word of the plant's own. */
  readonly type: string
  /** Full path; of `partOf` it may be a place that is no asset. */
  readonly target: string
  /** `target` is the one that says it: `target` feeds this asset. Of a place's parts, at most 100 are told. */
  readonly inverse?: true
}

/** `GET /api/v1/values?on=fleet/*&tags=lat,lon`: some values of many assets, sorted by path. */
export interface ValuesView {
  readonly assets: readonly ValuesRow[]
  /** What `after` has to be for the page after this one; absent: there is none. */
  readonly next?: string
}

export interface ValuesRow {
  readonly path: string
  /** Of the newest of these values; ms since the epoch. */
  readonly receivedTime: number
  /** One of them must not be taken for the present. */
  readonly stale: boolean
  /** By tag; null: the machine has said that there is none. */
  readonly values: { readonly [tag: string]: JsonValue }
}

/** `GET /api/v1/models` answers `{ models: ModelView[] }`, sorted by id: the types of machines that the config declares. */
export interface ModelView {
  /** `name@version`. */
  readonly id: string
  readonly tags: readonly ModelTagView[]
  /** How its machines go on by themselves; absent: nothing can be forecast of them. */
  readonly behaviour?: BehaviourView
}

export interface ModelTagView {
  readonly tag: string
  readonly type: string
  readonly kind: string
  readonly unit?: string
  readonly range?: readonly [number, number]
  /** Names of its states, in order. */
  readonly states?: readonly string[]
  readonly description?: string
}

/** `GET /api/v1/sources` answers `{ sources: SourceView[] }`. */
export interface SourceView {
  readonly name: string
  readonly kind: string
  readonly state: 'starting' | 'live' | 'stale' | 'down' | 'failed' | 'stopped'
  readonly reason: string
  readonly since: number
  readonly lastData?: number
  readonly parts: readonly { readonly name: string; readonly reason: string }[]
  /** Records per second over the last 10 s. */
  readonly rate: number
  readonly book: BookView
}

/** `GET /api/v1/processors` answers `{ processors: ProcessorView[] }`, in the order of the config. */
export interface ProcessorView {
  readonly name: string
  readonly kind: string
  /** `starting`: it catches up with the log. `down`: it failed, and begins again from its changelog. */
  readonly state: 'starting' | 'live' | 'stale' | 'down' | 'failed' | 'stopped'
  readonly reason: string
  readonly since: number
  /** When it last took a fact. */
  readonly lastData?: number
  /** Facts that it has taken on this hub since the hub's start. */
  readonly facts: number
  /** Facts that one of its steps could not take; each is in the hub's own log. */
  readonly faults: number
  /** A task is a stage over a partition: those that run on this hub, and all of them. */
  readonly tasks: { readonly here: number; readonly all: number }
}

/** `GET /api/v1/sinks` answers `{ sinks: SinkView[] }`, in the order of the config. */
export interface SinkView {
  readonly name: string
  readonly kind: string
  /** Where to, for people. */
  readonly to: string
  /** Kinds of topics that go out. */
  readonly topics: readonly string[]
  /** `down`: the other side does not take it; tried again. `failed`: it refused the newest. */
  readonly state: 'starting' | 'live' | 'stale' | 'down' | 'failed' | 'stopped'
  readonly reason: string
  readonly since: number
  /** When the other side last took something. */
  readonly lastData?: number
  /** Facts since this hub's start that the other side has taken, and that were let go, by policy. */
  readonly delivered: number
  readonly dropped: { readonly [policy: string]: number }
}

/** `GET /api/v1/ledger` answers `LedgerView`. received = stored + quarantined + dropped + lost + inFlight. */
export interface LedgerView {
  /** Every book balances, and the log was found to hold all that the books counted when the hub started. */
  readonly balanced: boolean
  readonly books: readonly BookView[]
}

export interface BookView {
  readonly source: string
  readonly received: number
  readonly stored: number
  readonly quarantined: number
  readonly dropped: number
  /** By the policy's name. */
  readonly droppedBy: { readonly [policy: string]: number }
  /** Numbered before a crash but never durable, so never acknowledged; each one is in a record of the gaps topic. */
  readonly unacknowledged: number
  readonly inFlight: number
  readonly lastSeq: number
  readonly balanced: boolean
}

/** `GET /api/v1/replication` answers `{ replications: ReplicationView[] }`: topics carried to and from other logs. */
export interface ReplicationView {
  readonly name: string
  /** `up`: from this hub's log. `down`: into it. */
  readonly direction: 'up' | 'down'
  /** The other end's brokers, joined by commas. */
  readonly address: string
  /**
   * `live`: carries what comes, within seconds. `behind`: carries, and has a backlog. `down`: one end does not answer or
   * take; tried for ever. `failed`: cannot go on until somebody acts (not let in, or another hub has taken over).
   */
  readonly state: 'starting' | 'live' | 'behind' | 'down' | 'failed' | 'stopped'
  readonly reason: string
  readonly since: number
  /** Grows by one whenever a hub takes this replication over; 0: this hub does not hold it. */
  readonly epoch: number
  readonly behind: BehindView
  readonly recordsPerSecond: number
  readonly bytesPerSecond: number
  /** When the backlog will be gone at this pace; absent where it does not shrink. */
  readonly etaMs?: number
  /** Records that retention removed before they were carried; each run of them is in a record of the gaps topic. */
  readonly lost: number
  /** Sorted by topic. */
  readonly topics: readonly {
    readonly topic: string
    readonly behind: BehindView
    /** Carried since the connection was made. */
    readonly records: number
    /** Kafka's timestamp of the newest record carried. */
    readonly lastTimestamp?: number
    readonly lost: number
  }[]
}

export interface BehindView {
  readonly records: number
  /** About: by the mean size of what was carried. */
  readonly bytes: number
  /** Age of the oldest record that is not carried, about. */
  readonly ms: number
}

/** `GET /api/v1/topics` answers `{ topics: TopicView[] }`, sorted by name; `GET /api/v1/topics/{name}` one of them. */
export interface TopicView {
  readonly name: string
  /** Records that are there; where a topic is compacted, offsets, and not all of them have a record any more. */
  readonly records: number
  /** Records per second of the last ten seconds or so; absent until the hub has been asked twice. */
  readonly rate?: number
  readonly partitions: readonly PartitionView[]
}

interface PartitionView {
  readonly partition: number
  /** First offset that is still there, and the one that the next record gets. */
  readonly start: number
  readonly end: number
}

/** `GET /api/v1/topics/{name}/records`: one page, oldest first. */
export interface RecordsView {
  readonly topic: string
  readonly records: readonly RecordView[]
  /** What `at` has to be for the page before this one (with `back=true`) and for the one after it. */
  readonly before: string
  readonly after: string
}

export interface RecordView {
  readonly partition: number
  readonly offset: number
  /** Kafka's timestamp, ms since the epoch: when the hub received what is in the record. */
  readonly timestamp: number
  readonly key: BytesView | null
  /** Null: a tombstone. */
  readonly value: BytesView | null
  readonly headers: readonly { readonly name: string; readonly value: BytesView }[]
}

/** Bytes as text where they are UTF-8, else as base64; cut where they are long, and then `bytes` is more than is shown. */
export interface BytesView {
  readonly text?: string
  readonly base64?: string
  readonly bytes: number
}

/** `GET /api/v1/consumers` answers `{ consumers: ConsumerView[] }`: who reads the log, and how far each is behind. */
export interface ConsumerView {
  readonly name: string
  /** `view`: a part of this hub that keeps its own position; `group`: a consumer group of the log. */
  readonly kind: 'view' | 'group'
  /** Of a group, as Kafka names it: `Stable`, `Empty`, `PreparingRebalance`, ... */
  readonly state?: string
  readonly members?: readonly { readonly id: string; readonly clientId: string; readonly host: string }[]
  /** Records between its positions and the ends, all partitions together. */
  readonly lag: number
  readonly positions: readonly {
    readonly topic: string
    readonly partition: number
    readonly offset: number
    readonly lag: number
  }[]
}

/** `GET /api/v1/events`: business events, newest first. */
export interface EventsView {
  readonly events: readonly EventView[]
  /** What `after` has to be for the page after this one; absent: there is none. */
  readonly next?: string
  /** Received time from which on the hub keeps all that was asked for; what is older is read from the log where `from` says so. */
  readonly heldFrom?: number
}

export interface EventView {
  readonly partition: number
  readonly offset: number
  readonly id: string
  readonly type: string
  readonly asset: string
  /** When it happened, and when the hub was told; ms since the epoch. */
  readonly time: number
  readonly receivedTime: number
  readonly source: string
  /** Topic, partition and offset of what a processor derived it from. */
  readonly cause?: string
  readonly data: JsonValue
}

/** `GET /api/v1/hubs`: who shares the log of this plant, and who runs what. */
export interface HubsView {
  /** In order of their names; one, where the log is this hub's alone. */
  readonly hubs: readonly HubEntry[]
}

export interface HubEntry {
  readonly hub: string
  /** Address of its page. */
  readonly page: string
  /** When it was started. */
  readonly since: number
  /** Whether it is the one that answers. */
  readonly here: boolean
  /** Whether it looks after what hubs that died have left behind. */
  readonly leads: boolean
  /** Partitions of the telemetry whose twins it evolves; absent where the log is this hub's alone. */
  readonly partitions?: readonly number[]
  /** The sources that it runs. */
  readonly sources: readonly {
    readonly name: string
    readonly kind: string
    readonly state: SourceView['state']
    readonly reason: string
    readonly since: number
    readonly lastData?: number
    /** Counts the hubs that have run the source, one after the other; a header of each of its records. */
    readonly epoch?: number
  }[]
}

export type AlarmPriorityName = 'low' | 'medium' | 'high' | 'critical'

/** States of ISA-18.2-2016 figure 3. */
export type AlarmStateName =
  | 'normal'
  | 'unacknowledged'
  | 'acknowledged'
  | 'returned-unacknowledged'
  | 'latched-unacknowledged'
  | 'latched-acknowledged'
  | 'shelved'
  | 'suppressed'
  | 'out-of-service'

/** What a person may do to an alarm. */
export type AlarmCommandName =
  | 'acknowledge'
  | 'reset'
  | 'shelve'
  | 'unshelve'
  | 'suppress'
  | 'unsuppress'
  | 'remove-from-service'
  | 'return-to-service'
  | 'comment'

/** An alarm is a name at an asset. */
export interface AlarmName {
  /** Full path. */
  readonly asset: string
  readonly alarm: string
}

/** `GET /api/v1/alarms`: a page of the alarms that are not normal, those that want an answer first. */
export interface AlarmsView {
  readonly alarms: readonly AlarmView[]
  /** How many there are in all. */
  readonly total: number
  /** With `?at=`: the moment. They are as people saw them then: by the time at which the hub was told. */
  readonly at?: number
  /** With `?at=`, where older steps are not in the log any more, or were too many: what has stood since before is missing. */
  readonly knownFrom?: number
}

export interface AlarmView extends AlarmName {
  readonly state: AlarmStateName
  readonly priority: AlarmPriorityName
  readonly message: string
  /** What led to it: values, limits, contributions of tags. */
  readonly detail: JsonValue
  /** Its condition is there, whatever the state hides. */
  readonly isActive: boolean
  /** Once its condition is gone it stays until it is reset. */
  readonly latches: boolean
  /** Came and went three times or more within a minute. */
  readonly isChattering: boolean
  /** Active for more than a day. */
  readonly isStale: boolean
  /** Times in ms since the epoch. */
  readonly raisedAt?: number
  readonly clearedAt?: number
  readonly acknowledgedAt?: number
  readonly acknowledgedBy?: string
  readonly shelvedUntil?: number
  /** When it was put out of sight, and by whom. */
  readonly hiddenAt?: number
  readonly hiddenBy?: string
  /** How often its condition has come. */
  readonly occurrences: number
  /** The newest 20, oldest first. */
  readonly comments: readonly { readonly time: number; readonly by: string; readonly comment: string }[]
}

/** `GET /api/v1/alarms/groups`: alarms of one name in one place as one line. */
export interface AlarmGroupsView {
  readonly groups: readonly AlarmGroupView[]
  /** As of `AlarmsView`. */
  readonly at?: number
  readonly knownFrom?: number
}

export interface AlarmGroupView {
  readonly alarm: string
  /** The place that their assets are in. */
  readonly place: string
  readonly count: number
  readonly unacknowledged: number
  /** The highest among those that want an answer. */
  readonly priority: AlarmPriorityName
  /** The one that wants an answer first. */
  readonly newest: AlarmView
}

/** `GET /api/v1/alarms/journal`: steps of alarms, the newest first. */
export interface AlarmJournalView {
  readonly entries: readonly AlarmJournalEntry[]
  /** `after` of the next page; absent: there is none. */
  readonly next?: string
  /** Older than this the journal holds nothing: it is in the log. Absent: it holds all. */
  readonly heldFrom?: number
}

export interface AlarmJournalEntry extends AlarmName {
  readonly action: AlarmCommandName | 'raise' | 'update' | 'clear'
  /** When it happened, by the clock of the machine; and when the hub was told. */
  readonly time: number
  readonly receivedTime: number
  /** What the alarm was after it. */
  readonly state: AlarmStateName
  readonly priority: AlarmPriorityName
  readonly message?: string
  readonly by?: string
  readonly comment?: string
  readonly until?: number
}

/** `GET /api/v1/alarms/figures`: how good the alarms are, by ISA-18.2-2016 clause 16. */
export interface AlarmFiguresView {
  readonly from: number
  readonly to: number
  /** Alarms that came to the operator in that time. */
  readonly alarms: number
  /** About 1 is what a person can handle. */
  readonly perTenMinutes: number
  readonly peakTenMinutes: number
  readonly floods: readonly { readonly since: number; readonly until?: number; readonly alarms: number }[]
  /** Share of the time that was in a flood. */
  readonly floodShare: number
  /** How many there are now. */
  readonly standing: number
  readonly unacknowledged: number
  readonly shelved: number
  readonly chattering: number
  readonly stale: number
  /** The ten that came most often. */
  readonly top: readonly (AlarmName & { readonly count: number })[]
  /** Alarms that are known, by priority. */
  readonly priorities: { readonly [priority in AlarmPriorityName]: number }
}

/** The body of `POST /api/v1/alarms/commands`; 409 where every one of the alarms refuses. */
export interface AlarmCommandRequest {
  readonly action: AlarmCommandName
  /** 1 to 500. */
  readonly alarms: readonly AlarmName[]
  readonly comment?: string
  /** Of `shelve`: when it comes back, ms since the epoch, at most 24 hours ahead. */
  readonly until?: number
}

/** What came of a command: each step is in the log. */
export interface AlarmCommandView {
  /** As they are now. */
  readonly alarms: readonly AlarmView[]
  readonly refused: readonly (AlarmName & { readonly reason: string })[]
}

/** What everybody has to know of the alarms at a glance. */
export interface AlarmSummary {
  /** Another one after each change: what a page shows of alarms is then the past. */
  readonly revision: number
  readonly standing: number
  readonly unacknowledged: { readonly [priority in AlarmPriorityName]: number }
  /** More come than a person can take in. */
  readonly isFlood: boolean
}

/** `GET /healthz`: 200 where the hub is ready, else 503. */
export interface HealthView {
  readonly ready: boolean
  /** Why it is not. */
  readonly reason?: string
}

/** `GET /api/v1/status`. */
export interface HubView {
  readonly site: string
  readonly version: string
  readonly mode: 'demo' | 'run'
  readonly log: {
    readonly kind: 'embedded' | 'kafka' | 'memory'
    readonly address?: string
    readonly durability: 'fsync' | 'replicated' | 'page cache'
    /**
     * `live`: stores what is handed over. `failed`: cannot until somebody acts (a full or failing disk). `down`: does
     * not answer. While it is not `live` nothing is acknowledged, and reading goes on.
     */
    readonly state: 'live' | 'down' | 'failed'
    /** Why, in a sentence without names of the plant: `GET /healthz` shows it to everybody. */
    readonly reason: string
    /** When the state last changed: wall time, ms since the epoch. */
    readonly since: number
  }
  readonly startedAt: number
  readonly recordsPerSecond: number
  readonly assets: number
  /** Absent: the config has it off. */
  readonly historian?: HistorianView
}

/** What keeps every sample beyond the log (docs/history.md). */
export interface HistorianView {
  /** `down`: cannot store right now (a full or failing disk); it goes on by itself, and the log has what it misses. */
  readonly state: 'starting' | 'live' | 'down'
  readonly reason: string
  readonly since: number
  /** Samples in the files and in memory. */
  readonly samples: number
  /** Samples that are in no file yet. */
  readonly inMemory: number
  readonly files: number
  readonly bytes: number
  /** Records that retention of the log removed before they were kept. */
  readonly missed: number
}

/** First message of a client on `GET /api/v1/live` (WebSocket), and again whenever it looks at something else. */
export interface LiveRequest {
  /** Asset paths; a trailing `/**` takes the place and all below. Answered with twins. At most 1,000. */
  readonly assets: readonly string[]
  /** The same for summaries, which come at most once a second. */
  readonly summaries?: readonly string[]
  /** Assets by what they are, answered with twins of those that fit and `left` of those that do not any more. At most 8. */
  readonly selections?: readonly LiveSelection[]
}

/** Assets by a pattern, their model, a condition in CEL over their values; what is named has to hold, all of it. */
export interface LiveSelection {
  /** Below the site or in full; `*` is one segment, a trailing `**` the place with all below. Absent: everything. */
  readonly match?: string
  readonly model?: string
  readonly where?: string
}

/** What the server sends: 20 ms after the last for each 64 KB that it had, 100 ms at most; only what changed, latest value each. */
export type LiveMessage =
  | { readonly type: 'twins'; readonly twins: readonly TwinView[] }
  /** They were told because of a selection, and do not fit it any more. */
  | { readonly type: 'left'; readonly paths: readonly string[] }
  | { readonly type: 'assets'; readonly assets: readonly AssetSummary[] }
  | { readonly type: 'sources'; readonly sources: readonly SourceView[] }
  /** At once, and then when something changed, at most once a second. */
  | { readonly type: 'alarms'; readonly alarms: AlarmSummary }
  /** Once a second, where the plant has any. */
  | { readonly type: 'replications'; readonly replications: readonly ReplicationView[] }
  | { readonly type: 'processors'; readonly processors: readonly ProcessorView[] }
  /** Once a second. `now`: the hub's wall time, ms since the epoch, for ages that do not depend on the browser's clock. */
  | { readonly type: 'hub'; readonly hub: HubView; readonly now: number }

/** Every error answer. */
export interface ProblemView {
  /** Code of the error table, `docs/errors.md`. */
  readonly code: string
  readonly message: string
}
