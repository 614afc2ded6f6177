import type {
  AlarmSummary,
  AssetSummary,
  HubView,
  LiveMessage,
  LiveRequest,
  ProcessorView,
  ReplicationView,
  SourceView,
  TwinView,
} from '../../src/api/contract.ts'
import { PlantTree, stateOf, totalOf, type Counts, type Place, type State } from './tree.ts'
import { Travel } from './travel.ts'
import { Trends } from './trend.ts'

/**
 * - `connecting`: nothing has come yet
 * - `live`: messages come
 * - `lost`: they stopped; whatever is on the page is the past
 * - `login`: the hub wants to know who is asking
 */
export type ConnectionState = 'connecting' | 'live' | 'lost' | 'login'

/** Everything the page knows. Components read it as it is and are told when it changed, at most once a frame. */
export class Store {
  readonly trends = new Trends()
  readonly #tree = new PlantTree()
  readonly #twins = new Map<string, TwinView>()
  #travel: Travel | undefined
  sources: readonly SourceView[] | undefined
  replications: readonly ReplicationView[] | undefined
  processors: readonly ProcessorView[] | undefined
  /** What the hub said last of its alarms. */
  alarms: AlarmSummary | undefined
  hub: HubView | undefined
  connection: ConnectionState = 'connecting'
  /** Hub time of the last message: what `lost` counts from. */
  lastMessage: number | undefined
  #hubAhead = 0
  #looking: readonly string[] = []
  readonly #listeners = new Set<() => void>()
  #scheduled = false

  /** The plant: as it is, or as it was at the moment that is shown. */
  get tree(): PlantTree {
    return this.#travel?.tree ?? this.#tree
  }

  /** Only of assets that are looked at now: the twin of another one would be the past. */
  get twins(): ReadonlyMap<string, TwinView> {
    return this.#travel?.twins ?? this.#twins
  }

  /** The moment of the past that is shown; undefined: the present. */
  get travel(): Travel | undefined {
    return this.#travel
  }

  /** Shows the plant as it was at a moment, or the present again. */
  travelTo(at: number | undefined): void {
    if (at === this.#travel?.at) return
    this.#travel?.end()
    this.#travel = at === undefined ? undefined : new Travel(at, () => this.#changed())
    void this.#travel?.load()
    this.#travel?.look(this.#looking)
    this.#changed()
  }

  /** The time that ages are counted from: the moment that is shown, else now; ms since the epoch. */
  now(): number {
    return this.#travel?.at ?? this.hubNow()
  }

  /** The hub's wall time, ms since the epoch: ages must not depend on the clock of a phone. */
  hubNow(): number {
    return performance.now() + this.#hubAhead
  }

  /** Whether values are what they say: the hub can be heard, or they are of the past anyway. Else nothing may look fresh. */
  get isLive(): boolean {
    return this.connection === 'live' || this.#travel !== undefined
  }

  /** How an asset is, as far as we can know: what was good before the connection was lost is stale now. */
  stateOf(asset: AssetSummary): State {
    const state = stateOf(asset)
    return this.isLive || state === 'bad' ? state : 'stale'
  }

  /** How many assets at and below a place are how, as far as we can know. */
  countsOf({ counts }: Place): Counts {
    if (this.isLive) return counts
    return { good: 0, uncertain: 0, stale: totalOf(counts) - counts.bad, bad: counts.bad }
  }

  /** Whether anything may be done from here: the hub can be heard, and what is shown is the present. */
  get canAct(): boolean {
    return this.connection === 'live' && this.#travel === undefined
  }

  receive(message: LiveMessage): void {
    if (message.type === 'hub') this.#takeHub(message.hub, message.now)
    else if (message.type === 'sources') this.sources = message.sources
    else if (message.type === 'replications') this.replications = message.replications
    else if (message.type === 'processors') this.processors = message.processors
    else if (message.type === 'alarms') this.alarms = message.alarms
    else if (message.type === 'assets') for (const asset of message.assets) this.#tree.update(asset)
    else if (message.type === 'twins') for (const twin of message.twins) this.#takeTwin(twin)
    this.lastMessage = this.hubNow()
    this.setConnection('live')
  }

  setConnection(state: ConnectionState): void {
    this.connection = state
    this.#changed()
  }

  /** What the page looks at from now on. */
  look(assets: readonly string[]): void {
    this.#looking = assets
    for (const path of this.#twins.keys()) if (!assets.includes(path)) this.#twins.delete(path)
    this.#travel?.look(assets)
    this.#changed()
  }

  /** What to ask the hub for: the assets looked at, and the state of all. */
  request(): LiveRequest {
    // One pattern for each enterprise there is; none is known before the first answer.
    const site = this.hub?.site
    return { assets: this.#looking, summaries: site === undefined ? [] : [`${site}/**`] }
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #takeHub(hub: HubView, now: number): void {
    this.hub = hub
    this.#hubAhead = now - performance.now()
  }

  #takeTwin(twin: TwinView): void {
    if (!this.#looking.includes(twin.path)) return
    this.#twins.set(twin.path, twin)
    this.trends.add(twin)
  }

  #changed(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    requestAnimationFrame(() => {
      this.#scheduled = false
      for (const listener of this.#listeners) listener()
    })
  }
}
