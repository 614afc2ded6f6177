import type { JsonValue } from '../api/contract.ts'
import type {
  AuditView,
  CommandAnswerView,
  CommandStateView,
  CommandsView,
  CommandView,
  DeclaredCommandsView,
} from '../api/contract-commands.ts'
import { ClientError } from './client-error.ts'
import { encodePath, type Http } from './http.ts'

/** What goes with a command. */
export interface CommandOptions {
  /** For a command that writes a tag. */
  readonly value?: JsonValue
  /** For a command that calls a method. */
  readonly args?: readonly JsonValue[]
  /** Refused unless the tag is this; null: it has no value. */
  readonly expected?: JsonValue
  readonly comment?: string
  /** Only asks whether it would be allowed. */
  readonly dryRun?: boolean
  /** The same key is the same command, however often it is asked for. Default: one of its own for each call. */
  readonly idempotencyKey?: string
}

/** A command that the hub has taken. It is not done yet. */
export interface SentCommand {
  /** '': it was a dry run. */
  readonly id: string
  readonly state: CommandStateView
  /**
   * Waits until it has ended, one way or another; `state` says how, and `unknown` is a way too: it may have been executed.
   * Rejects with `HUB_TOO_SLOW` where it has not ended in time (default: a minute), which changes nothing for the machine.
   */
  outcome(options?: { readonly timeoutMs?: number; readonly signal?: AbortSignal }): Promise<CommandView>
}

/** Tries to hand a command over, where no answer comes; the key makes them one. */
const TRIES = 3
const TRY_AGAIN_MS = 500
const LOOK_MS = 200
const OUTCOME_MS = 60_000

/** Commands to machines. */
export class CommandsClient {
  readonly #http: Http

  /** @internal see `Client.commands` */
  constructor(http: Http) {
    this.#http = http
  }

  /** See `Client.command`. */
  async send(asset: string, command: string, options: CommandOptions = {}): Promise<SentCommand> {
    const body = { idempotencyKey: crypto.randomUUID(), ...options, asset, command }
    const { id, state } = await this.#handOver(body)
    return { id, state, outcome: (wait) => this.#outcome(id, wait) }
  }

  /** What may be written to an asset, and whether it is allowed now. */
  declared(asset: string): Promise<DeclaredCommandsView> {
    return this.#http.get(`/api/v1/assets/${encodePath(asset)}/commands`)
  }

  get(id: string): Promise<CommandView> {
    return this.#http.get(`/api/v1/commands/${encodeURIComponent(id)}`)
  }

  /** Commands, the newest first. */
  list(
    query: { readonly asset?: string; readonly state?: string; readonly limit?: number } = {},
  ): Promise<CommandsView> {
    return this.#http.get('/api/v1/commands', { ...query })
  }

  /** A second person agrees to a command, or declines it. */
  approve(
    id: string,
    { agreed = true, comment }: { agreed?: boolean; comment?: string } = {},
  ): Promise<CommandAnswerView> {
    const body = { agreed, ...(comment !== undefined && { comment }) }
    return this.#http.post(`/api/v1/commands/${encodeURIComponent(id)}/approve`, body)
  }

  /** Who did what, the newest first. */
  audit(query: { asset?: string; by?: string; before?: number; limit?: number } = {}): Promise<AuditView> {
    return this.#http.get('/api/v1/audit', { ...query })
  }

  /** Where the answer was lost it is asked for again, with the same key: the hub then says what came of the first time. */
  async #handOver(body: object): Promise<CommandAnswerView> {
    for (let left = TRIES; ; left -= 1) {
      try {
        return await this.#http.post('/api/v1/commands', body)
      } catch (error) {
        const isLost = error instanceof ClientError && error.status === undefined && error.retry
        if (!isLost || left === 1) throw error
        await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS))
      }
    }
  }

  async #outcome(
    id: string,
    { timeoutMs = OUTCOME_MS, signal }: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<CommandView> {
    const late = AbortSignal.timeout(timeoutMs)
    for (;;) {
      const command = await this.get(id)
      if (command.endedAt !== undefined) return command
      signal?.throwIfAborted()
      if (late.aborted) {
        const message = `Cannot wait for command "${id}": it is ${command.state} after ${timeoutMs} ms, want its end`
        throw new ClientError('HUB_TOO_SLOW', message, { retry: true })
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
  }
}
