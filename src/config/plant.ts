import type { Meta, Model } from '../model/definition.ts'
import type { Relation } from '../model/relation.ts'
import type { Cage } from '../component/cage.ts'
import type { ProcessorSpec } from '../component/processor.ts'
import type { SinkSpec } from '../component/sink.ts'
import type { SourceSpec } from '../component/source.ts'
import type { Topology } from '../component/topology.ts'
import type { Json } from '../model/json-value.ts'
import type { Secret } from '../system/secret.ts'
import type { Address, TlsIdentity } from '../system/net.ts'
import type { KafkaSecurity, ListenerSecurity } from './log-security.ts'

/** A checked config: what `load` answers and the hub is composed from. Nothing in it is still text to be resolved. */
export interface Plant {
  readonly site: string
  /** Name of this hub among those that share the log; undefined: the host's, where the log can be shared at all. */
  readonly hub?: string
  readonly log: LogConfig
  readonly models: ReadonlyMap<string, Model>
  /** Full path to model id; templates (`press{1..8}`) are expanded. */
  readonly assets: ReadonlyMap<string, string>
  /** What is said of assets beside their model, by full path; only of those of which something is said. */
  readonly about: ReadonlyMap<string, AboutAsset>
  readonly sources: readonly ConfiguredSource[]
  readonly processors: readonly ConfiguredProcessor[]
  readonly sinks: readonly ConfiguredSink[]
  readonly replications: readonly ReplicationConfig[]
  /** Ways in for commands: in whose name the records of the topic `command-requests` ask; undefined: it is closed. */
  readonly commandsFromKafka?: string
  /** Absent: nothing is kept but the log. */
  readonly historian?: HistorianConfig
  readonly api: ApiConfig
}

export interface AboutAsset {
  /** Its own and, below it, its model's. */
  readonly meta: Meta
  readonly relations: readonly Relation[]
}

export type LogConfig = EmbeddedLogConfig | KafkaLogConfig

/** The log on this disk, with a broker of our own. */
interface EmbeddedLogConfig {
  readonly kind: 'embedded'
  /** Address of the Kafka listener. */
  readonly listen: Address
  readonly partitions: number
  readonly retention: { readonly ms?: number; readonly bytes?: number }
  /** `ack`: fsync before every ack. `interval`: fsync every `intervalMs`; a power cut may lose that much. */
  readonly sync: { readonly mode: 'ack' } | { readonly mode: 'interval'; readonly intervalMs: number }
  readonly security: ListenerSecurity
}

/** The log in Apache Kafka, or in a service that is compatible with it. */
export interface KafkaLogConfig {
  readonly kind: 'kafka'
  /** Where to ask first. */
  readonly brokers: readonly Address[]
  readonly partitions: number
  /** Copies of each new topic; undefined: the cluster's default. */
  readonly replication?: number
  /** Copies that must have a record before it is acknowledged; undefined: the cluster's default. */
  readonly minInSync?: number
  readonly retention: { readonly ms?: number; readonly bytes?: number }
  readonly compression: 'none' | 'zstd'
  /** Where this hub is, for reading from the nearest copy. */
  readonly rack?: string
  /** Absent: plain and anonymous. */
  readonly security?: KafkaSecurity
}

/** Topics that are carried between this log and another one. */
export interface ReplicationConfig {
  readonly name: string
  /** `up`: from this log. `down`: into it. */
  readonly direction: 'up' | 'down'
  /** The other end. */
  readonly kafka: KafkaLogConfig
  /** Kinds of topics of this site; a trailing `*` takes all that begin so. */
  readonly topics: readonly string[]
  /** Patterns below the site; empty: all. */
  readonly assets: readonly string[]
  /** Names, or beginnings with `*`; empty: all. */
  readonly tags: readonly string[]
  readonly thin: readonly { readonly asset: string; readonly tag: string; readonly method: ThinConfig }[]
  readonly catchUp: { readonly order: 'in-order' | 'fresh-first'; readonly bytesPerSecond?: number }
}

/** How points are left out; times by the machines' clocks. */
type ThinConfig =
  | { readonly kind: 'deadband'; readonly band: number; readonly atLeastEveryMs: number }
  | { readonly kind: 'swinging-door'; readonly error: number; readonly atLeastEveryMs: number }

/** How samples are kept beyond the log. */
export interface HistorianConfig {
  /** By source time. */
  readonly retentionMs: number
  readonly rollupRetentionMs: number
  /** Age and number of samples in memory at which they become files. */
  readonly sealEveryMs: number
  readonly sealRows: number
  /** Samples that small files are merged up to. */
  readonly fileRows: number
  readonly memoryMegabytes: number
  readonly threads: number
  /** Absent: the lake is on this disk only. */
  readonly upload?: UploadConfig
}

/** A bucket of S3-compatible storage that is kept as the lake is. */
export interface UploadConfig {
  readonly endpoint: string
  readonly bucket: string
  readonly prefix: string
  readonly region: string
  readonly accessKey: Secret
  readonly secretKey: Secret
  readonly everyMs: number
}

interface ConfiguredSource {
  readonly name: string
  readonly spec: SourceSpec
  readonly config: unknown
}

export interface ConfiguredProcessor {
  readonly name: string
  readonly spec: ProcessorSpec
  readonly config: unknown
  readonly topology: Topology
  /** Where its code is run, if it is not ours. */
  readonly cage?: Cage
  /** Where it begins when it has never run: with what the log still has, or with what comes. */
  readonly from: 'start' | 'end'
}

export interface ConfiguredSink {
  readonly name: string
  readonly spec: SinkSpec
  readonly config: unknown
}

export interface ApiConfig {
  readonly listen: Address
  readonly tls?: TlsIdentity
  readonly tokens: readonly ApiToken[]
  /** Names by which browsers may call the hub, besides loopback (DNS rebinding). */
  readonly hosts: readonly string[]
  /** Environments of the Asset Administration Shell that are served beside the plant's own shells. */
  readonly aas?: readonly AasEnvironment[]
}

/** Shells, submodels and concept descriptions of one file, each exactly as it was written. */
export interface AasEnvironment {
  readonly shells: readonly AasIdentifiable[]
  readonly submodels: readonly AasIdentifiable[]
  readonly concepts: readonly AasIdentifiable[]
}

type AasIdentifiable = { readonly id: string; readonly [name: string]: Json }

export interface ApiToken {
  readonly name: string
  readonly token: Secret
  readonly can: readonly ApiRight[]
  /** Patterns of the assets that it may command and approve; absent: all. */
  readonly areas?: readonly string[]
}

/** Nobody has a right that is not named. */
export const API_RIGHTS = ['read', 'write', 'command', 'approve'] as const
export type ApiRight = (typeof API_RIGHTS)[number]
