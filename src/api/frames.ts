import type { AlarmViews } from './alarm-views.ts'
import type { LiveMessage } from './contract.ts'
import type { HubPort } from './hub-port.ts'

/** The messages of one moment. Whatever several clients look at is asked for and turned into text once. */
export class Frames {
  readonly #hub: HubPort
  readonly #now: number
  readonly #twins = new Map<string, string | undefined>()
  readonly #summaries = new Map<string, string | undefined>()
  readonly #alarms: AlarmViews
  #alarmsText: string | undefined
  #hubText: string | undefined
  #sourcesText: string | undefined
  #replicationsText: string | undefined
  #processorsText: string | undefined

  /** `now`: wall time, ms since the epoch. */
  constructor(hub: HubPort, alarms: AlarmViews, now: number) {
    this.#hub = hub
    this.#alarms = alarms
    this.#now = now
  }

  hub(): string {
    this.#hubText ??= message({ type: 'hub', hub: this.#hub.hub(), now: this.#now })
    return this.#hubText
  }

  /** Another one after each change of an alarm. */
  get alarmsRevision(): number {
    return this.#alarms.revision
  }

  alarms(): string {
    this.#alarmsText ??= message({ type: 'alarms', alarms: this.#alarms.summary() })
    return this.#alarmsText
  }

  sources(): string {
    this.#sourcesText ??= message({ type: 'sources', sources: this.#hub.sources() })
    return this.#sourcesText
  }

  /** Undefined: the plant has none. */
  replications(): string | undefined {
    const replications = this.#hub.replications()
    if (replications.length > 0) this.#replicationsText ??= message({ type: 'replications', replications })
    return this.#replicationsText
  }

  /** Undefined: the plant has none. */
  processors(): string | undefined {
    const processors = this.#hub.processors()
    if (processors.length > 0) this.#processorsText ??= message({ type: 'processors', processors })
    return this.#processorsText
  }

  twins(paths: readonly string[]): string {
    return `{"type":"twins","twins":[${join(paths, this.#twins, (path) => this.#hub.twin(path))}]}`
  }

  left(paths: readonly string[]): string {
    return message({ type: 'left', paths })
  }

  assets(paths: readonly string[]): string {
    return `{"type":"assets","assets":[${join(paths, this.#summaries, (path) => this.#hub.asset(path))}]}`
  }
}

function message(content: LiveMessage): string {
  return JSON.stringify(content)
}

function join(
  paths: readonly string[],
  known: Map<string, string | undefined>,
  ask: (path: string) => unknown,
): string {
  const texts: string[] = []
  for (const path of paths) {
    if (!known.has(path)) known.set(path, JSON.stringify(ask(path)))
    const text = known.get(path)
    if (text !== undefined) texts.push(text)
  }
  return texts.join(',')
}
