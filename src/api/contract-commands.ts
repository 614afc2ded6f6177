import type { JsonValue, TagView } from './contract.ts'

/** Why not: `code` is one of docs/commands.md, "Reasons". */
export interface ReasonView {
  readonly code: string
  readonly message: string
}

export type CommandStateView =
  | 'waiting-approval'
  | 'requested'
  | 'dispatching'
  | 'confirmed'
  | 'rejected'
  | 'expired'
  | 'failed'
  | 'unknown'

/** Body of `POST /api/v1/commands`. */
export interface CommandRequest {
  /** Full path. */
  readonly asset: string
  /** Name of a declared command. */
  readonly command: string
  /** For a command that writes a tag. */
  readonly value?: JsonValue
  /** For a command that calls a method. */
  readonly args?: readonly JsonValue[]
  /** Refused unless the tag is this, now and when it is sent; null: it has no value. */
  readonly expected?: JsonValue
  /** The same key again is the same request, by the same caller for the same asset. */
  readonly idempotencyKey?: string
  readonly comment?: string
  /** Only says whether it would be allowed. */
  readonly dryRun?: boolean
}

/** The answer 202 (200 for a dry run or a repeated key). */
export interface CommandAnswerView {
  /** '': it was a dry run. */
  readonly id: string
  readonly state: CommandStateView
  readonly repeated?: true
  readonly dryRun?: true
}

/** The answer 403, 404, 409, 422 or 503 to a command; every reason, not the first one. */
export interface CommandRefusalView {
  readonly code: 'COMMAND_REFUSED'
  readonly message: string
  readonly reasons: readonly ReasonView[]
}

/** Body of `POST /api/v1/commands/{id}/approve`. */
export interface ApprovalRequest {
  /** false: it is declined, which ends it. */
  readonly agreed?: boolean
  readonly comment?: string
}

/** `GET /api/v1/commands/{id}`; and each of `GET /api/v1/commands`. Times: ms since the epoch. */
export interface CommandView {
  readonly id: string
  readonly asset: string
  readonly command: string
  readonly state: CommandStateView
  readonly tag?: string
  readonly value?: JsonValue
  readonly method?: string
  readonly args?: readonly JsonValue[]
  readonly expected?: JsonValue
  readonly comment?: string
  readonly by: string
  /** The way it came in: rest, kafka, mqtt. */
  readonly via: string
  readonly requestedAt: number
  /** It needs a second person, until then. */
  readonly approvalUntil?: number
  readonly approvedBy?: string
  /** After that it is not sent any more. */
  readonly expiresAt?: number
  /** When a hub took it to send it, which hub, and through which source. */
  readonly claimedAt?: number
  readonly hub?: string
  readonly source?: string
  readonly endedAt?: number
  readonly reasons: readonly ReasonView[]
  /** What the machine said that the value is. */
  readonly readBack?: JsonValue
  readonly results?: readonly JsonValue[]
}

/** `GET /api/v1/commands?asset=&state=&limit=`: newest first. */
export interface CommandsView {
  readonly commands: readonly CommandView[]
  /** More of this asset are in the log and not at hand. */
  readonly older?: number
}

/** `GET /api/v1/assets/{path}/commands`: what may be written, and whether it is allowed now. */
export interface DeclaredCommandsView {
  readonly asset: string
  readonly commands: readonly DeclaredCommandView[]
}

export interface DeclaredCommandView {
  readonly name: string
  readonly description?: string
  readonly tag?: string
  /** Of the tag: type, unit, states. */
  readonly type?: string
  readonly unit?: string
  readonly states?: readonly string[]
  readonly range?: readonly [number, number]
  readonly oneOf?: readonly (string | number)[]
  readonly method?: string
  readonly args?: readonly {
    readonly name: string
    readonly type: string
    readonly range?: readonly [number, number]
  }[]
  readonly interlock?: string
  readonly ttlMs: number
  readonly confirmMs: number
  readonly tolerance?: number
  readonly perMinute?: number
  readonly secondPerson: boolean
  /** Whether this caller may use it at this moment, with a fitting value. */
  readonly allowed: boolean
  readonly reasons: readonly ReasonView[]
  /** The tag as it is. */
  readonly reported?: Pick<TagView, 'value' | 'quality' | 'qualityName' | 'stale' | 'sourceTime'>
}

/** What a tag is to be by the last command, beside what it is; a part of `TwinView`. */
export interface DesiredView {
  readonly tag: string
  readonly value: JsonValue
  /** When it was asked for. */
  readonly since: number
  readonly by: string
  readonly commandId: string
  readonly state: 'waiting' | 'in-flight' | 'reached' | 'differs' | 'failed' | 'unknown'
  /** Since when the tag reports something else; at the latest since then. */
  readonly differsSince?: number
}

/** `GET /api/v1/audit?limit=&before=&asset=&by=`: newest first. */
export interface AuditView {
  readonly records: readonly AuditRecordView[]
  /** What `before` has to be for the page after this one; absent: there is none. */
  readonly next?: number
}

export interface AuditRecordView {
  readonly offset: number
  readonly chain: string
  readonly seq: number
  readonly time: number
  readonly prev: string
  readonly hash: string
  readonly what: string
  readonly by: string
  readonly via?: string
  readonly asset?: string
  readonly detail?: { readonly [name: string]: JsonValue }
}
