import type { Clock, Timer } from '../../system/clock.ts'
import type { Random } from '../../system/random.ts'
import { ApiError } from '../errors.ts'
import type { HubPort } from '../hub-port.ts'
import type { ApiLimits } from '../limits.ts'
import { AddressSpace } from './address-space.ts'
import { Budget } from './budget.ts'
import type { Element } from './element-ids.ts'
import { Subscription, type Monitored } from './subscription.ts'
import { currentValue } from './values.ts'

export interface SubscriptionsOptions {
  readonly hub: HubPort
  readonly clock: Clock
  readonly random: Random
  readonly limits: ApiLimits
}

/** How often subscriptions that nobody asks for any more are looked for, and values that turned stale by themselves. */
const SLOW_MS = 1_000

/** Machines that one tick looks at for staleness. */
const AGED_MOST = 500

/**
 * All subscriptions, and what feeds them: the changes of the twins. A record marks its machine, and a tick later every
 * subscription that looks at it gets what is new: of an object that changes faster than that, the latest. So a client
 * costs the way of the data a look-up, whatever it asked for; the history has every value.
 */
export class Subscriptions {
  readonly #options: SubscriptionsOptions
  readonly #all = new Map<string, Subscription>()
  /** Who looks at which machine, by path. */
  readonly #watched = new Map<string, Map<Monitored, Subscription>>()
  #changed = new Set<string>()
  /** Machines that are to be looked at for staleness. */
  #ageing: string[] = []
  #timers: Timer[] = []
  #unsubscribe = () => {}

  constructor(options: SubscriptionsOptions) {
    this.#options = options
  }

  /** @throws ApiError `TOO_MANY_SUBSCRIPTIONS` */
  create(caller: string | undefined, clientId: string, displayName: string | undefined): Subscription {
    const { clock, random, limits } = this.#options
    if (this.#all.size >= limits.i3xSubscriptions) {
      const message = `Cannot create a subscription: ${limits.i3xSubscriptions} are open, want one deleted or to expire`
      throw new ApiError(503, 'TOO_MANY_SUBSCRIPTIONS', message, { 'retry-after': '10' })
    }
    const id = Buffer.from(random.bytes(32)).toString('base64url')
    const queuedValues = limits.i3xQueuedValues
    const named = { id, clientId, caller, displayName: displayName ?? id, queuedValues }
    const subscription = new Subscription(named, clock.monotonic())
    this.#all.set(id, subscription)
    if (this.#all.size === 1) this.#wake()
    return subscription
  }

  /** A caller's own subscription; another one's is as if there were none ("Subscriptions"). */
  find(caller: string | undefined, clientId: string, id: string): Subscription | undefined {
    const found = this.#all.get(id)
    return found?.belongsTo(caller, clientId) ? found : undefined
  }

  delete(subscription: Subscription): void {
    if (!this.#all.delete(subscription.id)) return
    for (const monitored of subscription.monitored.values()) this.#unwatch(monitored)
    subscription.endStream()
    if (this.#all.size === 0) this.#rest()
  }

  /** Begins to look at an element, and queues what it is now; nothing where it is looked at already. */
  register(subscription: Subscription, element: Element, maxDepth: number, space: AddressSpace): void {
    if (subscription.monitored.has(element.id)) return
    const { limits } = this.#options
    if (subscription.monitored.size >= limits.i3xIds) {
      throw new ApiError(
        400,
        'BAD_REQUEST',
        `Cannot register one more object: ${limits.i3xIds} are, want another subscription`,
      )
    }
    const monitored = { element, maxDepth, told: '' }
    subscription.monitored.set(element.id, monitored)
    const watching = this.#watched.get(element.path)
    if (watching === undefined) this.#watched.set(element.path, new Map([[monitored, subscription]]))
    else watching.set(monitored, subscription)
    this.#tell(subscription, monitored, space)
  }

  /** False: it was not looked at. What is queued stays. */
  unregister(subscription: Subscription, id: string): boolean {
    const monitored = subscription.monitored.get(id)
    if (monitored === undefined) return false
    subscription.monitored.delete(id)
    this.#unwatch(monitored)
    return true
  }

  close(): void {
    for (const subscription of this.#all.values()) this.delete(subscription)
  }

  /** Nothing is watched while nobody looks. */
  #wake(): void {
    const { hub, clock, limits } = this.#options
    this.#unsubscribe = hub.onChange((path) => {
      if (this.#watched.has(path)) this.#changed.add(path)
    })
    this.#timers = [clock.every(limits.i3xTickMs, () => this.#tick()), clock.every(SLOW_MS, () => this.#sweep())]
  }

  #rest(): void {
    this.#unsubscribe()
    for (const timer of this.#timers) timer.cancel()
    this.#timers = []
    this.#changed.clear()
    this.#ageing = []
  }

  #tick(): void {
    const changed = this.#changed
    this.#changed = new Set()
    for (const path of this.#ageing.splice(0, AGED_MOST)) changed.add(path)
    const space = new AddressSpace(this.#options.hub)
    for (const path of changed) {
      for (const [monitored, subscription] of this.#watched.get(path) ?? []) this.#tell(subscription, monitored, space)
    }
    for (const subscription of this.#all.values()) subscription.flush()
  }

  #sweep(): void {
    const { clock, limits } = this.#options
    const oldest = clock.monotonic() - limits.i3xSubscriptionMs
    for (const subscription of this.#all.values())
      if (!subscription.isStreamed && subscription.touchedAt < oldest) this.delete(subscription)
    if (this.#ageing.length === 0) this.#ageing = [...this.#watched.keys()]
  }

  /** Queues what an element is now, unless that was queued last. */
  #tell(subscription: Subscription, monitored: Monitored, space: AddressSpace): void {
    const { element, maxDepth } = monitored
    const now = printOf(element, space)
    if (now === monitored.told) return
    monitored.told = now
    const budget = new Budget(Number.MAX_SAFE_INTEGER)
    const { isComposition: _, ...value } = currentValue(element, { space, since: this.#since, maxDepth, budget })!
    subscription.queue({ elementId: element.id, ...value }, Math.max(1, budget.taken))
  }

  get #since(): number {
    return this.#options.hub.hub().startedAt
  }

  #unwatch(monitored: Monitored): void {
    const { path } = monitored.element
    const watching = this.#watched.get(path)
    watching?.delete(monitored)
    if (watching?.size === 0) this.#watched.delete(path)
  }
}

/** Another text whenever there is something new to tell of an element. */
function printOf(element: Element, space: AddressSpace): string {
  const asset = element.kind === 'place' ? undefined : space.asset(element.path)
  if (element.kind === 'tag') {
    const tag = asset?.tags.get(element.tag)
    return `${tag?.receivedTime} ${tag?.sourceTime} ${tag?.quality} ${tag?.stale}`
  }
  const ages = asset?.twin.tags.map(({ stale }) => (stale ? 1 : 0)) ?? []
  return `${asset?.twin.revision} ${ages.join('')}`
}
