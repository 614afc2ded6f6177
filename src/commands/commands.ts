import type { View, ViewBatch, ViewPosition } from '../component/view.ts'
import { sortedPositions, ViewFile } from '../component/view-file.ts'
import type { CommandEvent } from '../model/command-event.ts'
import type { System } from '../system/system.ts'
import { AssetCommands } from './asset-commands.ts'
import { decodeSnapshot, encodeSnapshot } from './snapshot.ts'
import { isSettled, type Tracked } from './tracked.ts'

/** One record of the topic `commands`. */
export interface CommandEntry {
  readonly offset: number
  readonly event: CommandEvent
}

export interface CommandsOptions {
  /** Folder of the snapshot; made where it is missing. */
  readonly directory: string
  readonly system: Pick<System, 'clock' | 'disk' | 'logger'>
  /** How often the snapshot is written if something changed, in ms; default 10,000. */
  readonly everyMs?: number
}

export type CommandListener = (command: Tracked, event: CommandEvent, place: CommandPlace) => void

export interface CommandPlace {
  readonly partition: number
  readonly offset: number
}

const NONE: readonly Tracked[] = []

/**
 * All commands of a site, kept from the topic `commands`: those that are on their way, the last ones of each asset, and what each
 * tag is to be. State and positions are written to one file, atomically; without it, or when it is damaged, they are rebuilt
 * from the log, the same to the byte.
 */
export class Commands implements View<CommandEntry> {
  readonly name = 'commands'
  readonly #file: ViewFile
  readonly #listeners = new Set<CommandListener>()
  readonly #assets = new Map<string, AssetCommands>()
  /** Asset of each command that is kept. */
  readonly #places = new Map<string, string>()
  readonly #inFlight = new Map<string, Tracked>()
  #positions = new Map<string, ViewPosition>()

  constructor({ directory, system, everyMs }: CommandsOptions) {
    this.#file = new ViewFile({
      view: this.name,
      directory,
      system,
      everyMs,
      encode: () => encodeSnapshot({ positions: sortedPositions(this.positions()), assets: this.#sorted() }),
      restore: (bytes) => this.#restore(bytes),
    })
  }

  /** Reads the snapshot, if there is a good one, and begins to write new ones. Called once, before the view is run. */
  open(): Promise<void> {
    return this.#file.open()
  }

  /** Writes the last snapshot. The view must not run any more. */
  close(): Promise<void> {
    return this.#file.close()
  }

  save(): Promise<void> {
    return this.#file.save()
  }

  positions(): readonly ViewPosition[] {
    return [...this.#positions.values()]
  }

  take({ topic, partition, entries, nextOffset }: ViewBatch<CommandEntry>): void {
    const told = entries.flatMap(({ event, offset }) => {
      const command = this.#assetOf(event.asset).take(event, offset)
      if (command === undefined) return []
      this.#note(command)
      return [{ command, event, place: { partition, offset } }]
    })
    this.#positions.set(`${topic}/${partition}`, { topic, partition, offset: nextOffset })
    this.#file.changed()
    for (const { command, event, place } of told)
      for (const listener of this.#listeners) listener(command, event, place)
  }

  reset(): void {
    this.#assets.clear()
    this.#places.clear()
    this.#inFlight.clear()
    this.#positions = new Map()
    this.#file.changed()
  }

  /** Calls `listener` after each step that changed a command. It must be cheap and must not throw. @returns ends the subscription */
  subscribe(listener: CommandListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  get(id: string): Tracked | undefined {
    const asset = this.#places.get(id)
    return asset === undefined ? undefined : this.#assets.get(asset)?.get(id)
  }

  /** The commands of one asset; undefined: there never was one. */
  asset(path: string): AssetCommands | undefined {
    return this.#assets.get(path)
  }

  /** Commands of an asset in the order of the log, those that are kept. */
  of(path: string): readonly Tracked[] {
    return this.#assets.get(path)?.all() ?? NONE
  }

  assets(): IterableIterator<AssetCommands> {
    return this.#assets.values()
  }

  /** Those that have not ended, in the order in which they were seen. */
  inFlight(): readonly Tracked[] {
    return [...this.#inFlight.values()]
  }

  /** Whether it has taken everything of a partition below an offset. */
  hasTaken(topic: string, partition: number, nextOffset: number): boolean {
    return (this.#positions.get(`${topic}/${partition}`)?.offset ?? 0) >= nextOffset
  }

  #note(command: Tracked): void {
    const { id, asset } = command.request
    if (isSettled(command)) this.#inFlight.delete(id)
    else this.#inFlight.set(id, command)
    this.#places.set(id, asset)
    // What the asset has let go is not looked up any more.
    if (this.#places.size > 2 * this.#kept()) this.#replace()
  }

  #kept(): number {
    let count = 1_000
    for (const asset of this.#assets.values()) count += asset.size
    return count
  }

  #replace(): void {
    for (const [id, asset] of this.#places) if (this.#assets.get(asset)?.get(id) === undefined) this.#places.delete(id)
  }

  #assetOf(path: string): AssetCommands {
    let commands = this.#assets.get(path)
    if (commands === undefined) this.#assets.set(path, (commands = new AssetCommands(path)))
    return commands
  }

  #sorted(): AssetCommands[] {
    return [...this.#assets.values()].sort((a, b) => (a.asset < b.asset ? -1 : 1))
  }

  #restore(bytes: Uint8Array): string | undefined {
    const snapshot = decodeSnapshot(bytes)
    if (typeof snapshot === 'string') return snapshot
    for (const { asset, commands, desired, dropped } of snapshot.assets) {
      this.#assetOf(asset).restore(commands, desired, dropped)
      for (const command of commands) this.#note(command)
    }
    for (const at of snapshot.positions) this.#positions.set(`${at.topic}/${at.partition}`, at)
    return undefined
  }
}
