import type { CreateMonitoredItemsRequestOptions, PublishResponse } from 'node-opcua-client'
import type { Batch } from '../../component/source.ts'
import type { System } from '../../system/system.ts'
import type { Timer } from '../../system/clock.ts'
import { OpcuaError } from './errors.ts'
import type { HandOver } from './hand-over.ts'
import type { Library } from './library.ts'
import type { Link } from './link.ts'
import type { Item } from './nodes.ts'
import { toReadings, type Change } from './readings.ts'
import type { OpcuaConfig } from './spec.ts'

/** A subscription that has nothing to say still says that it lives this often. */
const KEEP_ALIVE_MS = 2_500

/**
 * One that says nothing for this long is dead; or for 1.5 times as long as the server wants to be silent, where that is
 * longer. Servers count publishing cycles (OPC 10000-4 5.14.1), which take longer than they say where a server is busy.
 */
export const SILENCE_MS = 7_500

/** How long the server keeps a subscription that nobody asks for notifications. */
const LIFETIME_MS = 120_000

/** Publish requests under way: two cover the round trip, the third the time the log takes. */
const PIPELINE = 3

/** Most values in one notification. */
const NOTIFICATION_VALUES = 10_000

/** Items created in one request; halved where the server finds it too many. */
const ITEMS_A_REQUEST = 1_000

/** BadNodeIdUnknown as a value's status: its node is gone, and the item never speaks again. */
const NODE_GONE = 0x80340000

/** Statuses of a refused deadband: BadMonitoredItemFilterInvalid, -Unsupported, BadFilterNotAllowed, BadDeadband-. */
const FILTER_REFUSED = new Set([0x80430000, 0x80440000, 0x80450000, 0x808e0000])

/** What the subscription tells its source. */
export interface Events {
  data(): void
  /** The server has no such item (any more); the source tries again later. */
  refused(item: Item, reason: string): void
  /** Notifications that the server says were sent but that never arrived. */
  missed(count: number): void
}

/**
 * One subscription on one session, on the raw services: the library's own subscription acknowledges on receipt and
 * hides silence. Here a notification is acknowledged with the Publish request after its batch is durable (OPC 10000-4
 * 5.14.5), so the server keeps it for Republish until then, and no Publish request is sent without room for its answer.
 */
export class Subscription {
  readonly #link: Link
  readonly #library: Library
  readonly #config: OpcuaConfig
  readonly #system: System
  readonly #handOver: HandOver
  readonly #events: Events
  readonly #items = new Map<number, Item>()
  readonly #serverIds = new Map<Item, number>()
  /** Resolves with the reason when the subscription is dead. */
  readonly dead: Promise<OpcuaError>
  #die: (error: OpcuaError) => void = () => {}
  #id = 0
  #handle = 0
  #pipeline = PIPELINE
  #underWay = 0
  #unacknowledged: number[] = []
  #outstanding = 0
  #sequence: number | undefined
  #keepAliveMs = KEEP_ALIVE_MS
  #silenceMs = SILENCE_MS
  #heardAt = 0
  #tickAt = 0
  #prodding = false
  #watch: Timer | undefined
  #stopped = false
  #order = Promise.resolve()
  #pending = 0

  constructor(link: Link, library: Library, config: OpcuaConfig, system: System, handOver: HandOver, events: Events) {
    this.#link = link
    this.#library = library
    this.#config = config
    this.#system = system
    this.#handOver = handOver
    this.#events = events
    this.dead = new Promise((resolve) => (this.#die = resolve))
  }

  /** Creates it at the server and starts to ask for notifications. */
  async start(): Promise<void> {
    const interval = this.#config.publishingInterval
    const keepAliveCount = Math.max(1, Math.ceil(KEEP_ALIVE_MS / interval))
    const answer = await this.#link.session.createSubscription({
      requestedPublishingInterval: interval,
      requestedMaxKeepAliveCount: keepAliveCount,
      requestedLifetimeCount: Math.max(3 * keepAliveCount, Math.ceil(LIFETIME_MS / interval)),
      maxNotificationsPerPublish: NOTIFICATION_VALUES,
      publishingEnabled: true,
      priority: 0,
    })
    this.#id = answer.subscriptionId
    this.#keepAliveMs = answer.revisedPublishingInterval * answer.revisedMaxKeepAliveCount
    this.#silenceMs = Math.max(SILENCE_MS, this.#keepAliveMs * 1.5)
    this.#heardAt = this.#tickAt = this.#system.clock.monotonic()
    const tickMs = Math.min(1_000, this.#silenceMs / 4)
    this.#watch = this.#system.clock.every(tickMs, () => this.#tick(tickMs))
    this.#handOver.onRoom = () => this.#publish()
    this.#publish()
  }

  /** Ends it on our side; the session's end removes it from the server. */
  stop(): void {
    this.#stopped = true
    this.#watch?.cancel()
    this.#handOver.onRoom = undefined
  }

  /** Batches handed over and neither acknowledged nor failed yet. */
  get outstanding(): number {
    return this.#outstanding
  }

  get monitored(): number {
    return this.#items.size
  }

  /** Subscribes to items; one that the server refuses is told to `events.refused` and harms no other. */
  async monitor(items: readonly Item[]): Promise<void> {
    let size = ITEMS_A_REQUEST
    for (let at = 0; at < items.length;) {
      const chunk = items.slice(at, at + size)
      try {
        await this.#monitorChunk(chunk, this.#config.deadband !== undefined)
        at += chunk.length
      } catch (error) {
        if (!/BadTooManyOperations|BadEncodingLimitsExceeded|BadRequestTooLarge/.test(String(error)) || size === 1)
          throw error
        size = Math.ceil(size / 2)
      }
    }
  }

  async #monitorChunk(items: readonly Item[], withDeadband: boolean): Promise<void> {
    const handles = items.map(() => this.#handle++)
    // Known before the answer: the first values may come before it.
    items.forEach((item, index) => this.#items.set(handles[index]!, item))
    const answer = await this.#link.session.createMonitoredItems({
      subscriptionId: this.#id,
      timestampsToReturn: this.#library.TimestampsToReturn.Both,
      itemsToCreate: items.map((item, index) => this.#request(item, handles[index]!, withDeadband)),
    })
    const filterRefused: Item[] = []
    items.forEach((item, index) => {
      const result = answer.results?.[index]
      if (result?.statusCode.value === 0) {
        this.#serverIds.set(item, result.monitoredItemId)
        return
      }
      this.#items.delete(handles[index]!)
      if (withDeadband && FILTER_REFUSED.has(result?.statusCode.value ?? 0)) filterRefused.push(item)
      else
        this.#events.refused(
          item,
          `Cannot subscribe to "${item.nodeId}": the server says ${result?.statusCode.name ?? 'nothing'}`,
        )
    })
    // A deadband is for numbers only; texts and states come without one.
    if (filterRefused.length > 0) await this.#monitorChunk(filterRefused, false)
  }

  #request(
    item: Item,
    handle: number,
    withDeadband: boolean,
  ): NonNullable<CreateMonitoredItemsRequestOptions['itemsToCreate']>[number] {
    const { AttributeIds, DataChangeFilter, DataChangeTrigger, DeadbandType, MonitoringMode } = this.#library
    const deadband = withDeadband ? this.#config.deadband : undefined
    const percent = deadband !== undefined && 'percent' in deadband
    return {
      itemToMonitor: { nodeId: item.nodeId, attributeId: AttributeIds.Value },
      monitoringMode: MonitoringMode.Reporting,
      requestedParameters: {
        clientHandle: handle,
        samplingInterval: this.#config.samplingInterval,
        queueSize: this.#config.queueSize,
        discardOldest: true,
        ...(deadband === undefined
          ? {}
          : {
              filter: new DataChangeFilter({
                trigger: DataChangeTrigger.StatusValue,
                deadbandType: percent ? DeadbandType.Percent : DeadbandType.Absolute,
                deadbandValue: percent ? deadband.percent : deadband.absolute,
              }),
            }),
      },
    }
  }

  /** Keeps as many Publish requests under way as there is room for their answers. */
  #publish(): void {
    while (!this.#stopped && this.#underWay < Math.min(this.#pipeline, this.#handOver.room() - this.#pending)) {
      if (this.#underWay === 0) this.#heardAt = this.#system.clock.monotonic()
      this.#underWay += 1
      const acknowledgements = this.#unacknowledged.splice(0)
      const request = new this.#library.PublishRequest({
        // The library drops an answer that comes later than this; silence is noticed long before.
        requestHeader: { timeoutHint: Math.min(this.#silenceMs * 10, 0x7fffffff) },
        subscriptionAcknowledgements: acknowledgements.map((sequenceNumber) => ({
          subscriptionId: this.#id,
          sequenceNumber,
        })),
      })
      this.#link.session.publish(request, (error, response) => this.#published(error, response))
    }
  }

  #published(error: Error | null, response: PublishResponse | undefined): void {
    this.#underWay -= 1
    if (this.#stopped) return
    if (error || !response) {
      this.#publishFailed(error?.message ?? 'no answer')
      return
    }
    this.#heardAt = this.#system.clock.monotonic()
    const receivedTime = this.#system.clock.now()
    const structures = this.#library.extractDataValueToPromote(
      changesIn(response).map((item) => item.value as unknown as Structures[number]),
    )
    if (structures.length === 0 && this.#pending === 0) {
      this.#take(response, receivedTime)
    } else {
      // Structures of the server's own types are decoded with the help of the server, in order nevertheless.
      this.#pending += 1
      this.#order = this.#takeDecoded(this.#order, structures, response, receivedTime)
    }
    this.#publish()
  }

  async #takeDecoded(
    before: Promise<void>,
    structures: Structures,
    response: PublishResponse,
    receivedTime: number,
  ): Promise<void> {
    await before
    try {
      if (structures.length > 0) await this.#library.promoteOpaqueStructure(this.#link.session, structures)
    } catch (error) {
      // A structure whose type the server does not tell stays bytes.
      this.#system.logger.debug('Cannot decode a structure', { error })
    }
    this.#pending -= 1
    this.#take(response, receivedTime)
  }

  #publishFailed(message: string): void {
    if (/BadTooManyPublishRequests/.test(message)) {
      this.#pipeline = Math.max(1, this.#underWay)
      if (this.#underWay === 0) this.#publish()
    } else if (/BadTimeout/.test(message) && this.#link.session.isChannelValid()) {
      this.#publish()
    } else {
      this.#dies(message.trim())
    }
  }

  #take(response: PublishResponse, receivedTime: number): void {
    if (this.#stopped || response.subscriptionId !== this.#id) return
    const { sequenceNumber, notificationData } = response.notificationMessage
    this.#checkSequence(sequenceNumber, (notificationData?.length ?? 0) > 0)
    if (!notificationData || notificationData.length === 0) return
    for (const notification of notificationData) {
      const status = (notification as { status?: { name?: string } } | null)?.status
      if (status !== undefined) return this.#dies(`the server ended the subscription: ${status.name}`)
    }
    const changes = this.#changes(response)
    if (changes.length === 0) {
      this.#acknowledge(sequenceNumber)
      return
    }
    this.#events.data()
    this.#handOver.push(this.#batch(changes, receivedTime, sequenceNumber), changes.length)
  }

  #changes(response: PublishResponse): Change[] {
    const changes: Change[] = []
    for (const { clientHandle, value } of changesIn(response)) {
      const item = this.#items.get(clientHandle)
      if (item === undefined) continue
      changes.push({ item, data: value })
      if (value.statusCode.value === NODE_GONE) this.#drop(clientHandle, item)
    }
    return changes
  }

  #batch(changes: readonly Change[], receivedTime: number, sequenceNumber: number): Batch {
    this.#outstanding += 1
    return {
      items: toReadings(changes, receivedTime).map((reading) => ({ kind: 'reading', reading })),
      ack: () => {
        this.#outstanding -= 1
        this.#acknowledge(sequenceNumber)
      },
      fail: (error) => {
        this.#outstanding -= 1
        this.#die(
          new OpcuaError('OPCUA_NOT_STORED', `Cannot store what "${this.#config.endpoint}" sent: ${error.message}`),
        )
      },
    }
  }

  /** Goes down the wire with the next Publish request. */
  #acknowledge(sequenceNumber: number): void {
    this.#unacknowledged.push(sequenceNumber)
    this.#publish()
  }

  /** A keep-alive carries the number of the next notification, anything else its own (OPC 10000-4 7.26). */
  #checkSequence(sequence: number, hasData: boolean): void {
    const expected = this.#sequence ?? sequence
    // Numbers run to 2^32-1 and go on at 1.
    const missed = sequence >= expected ? sequence - expected : sequence - expected + 0xffffffff
    if (missed > 0 && missed < 0x7fffffff) this.#events.missed(missed)
    if (hasData) this.#sequence = sequence === 0xffffffff ? 1 : sequence + 1
    else this.#sequence = sequence
  }

  #drop(handle: number, item: Item): void {
    this.#items.delete(handle)
    const serverId = this.#serverIds.get(item)
    this.#serverIds.delete(item)
    if (serverId !== undefined) {
      this.#link.session.deleteMonitoredItems({ subscriptionId: this.#id, monitoredItemIds: [serverId] }, () => {})
    }
    this.#events.refused(item, `Cannot read "${item.nodeId}": its node is gone from the server`)
  }

  /** Notices silence; and while publishing rests for want of room, keeps session and subscription alive. */
  #tick(tickMs: number): void {
    const now = this.#system.clock.monotonic()
    const late = now - this.#tickAt > 2 * tickMs + 500
    this.#tickAt = now
    // Where this process itself was asleep, answers may be waiting to be read.
    if (late) this.#heardAt = Math.max(this.#heardAt, now - this.#silenceMs / 2)
    const silentMs = now - this.#heardAt
    if (silentMs > this.#silenceMs && (this.#underWay > 0 || this.#prodding)) {
      this.#dies(
        `the server has been silent for ${Math.round(silentMs / 1000)} s, want a sign every ${this.#keepAliveMs / 1000} s`,
      )
    } else if (this.#underWay === 0 && !this.#prodding && silentMs > this.#silenceMs / 3) {
      this.#prod()
    }
  }

  #prod(): void {
    this.#prodding = true
    this.#heardAt = this.#system.clock.monotonic()
    this.#link.session.setPublishingMode(true, this.#id, (error) => {
      this.#prodding = false
      if (error) this.#dies(error.message)
      else this.#heardAt = this.#system.clock.monotonic()
    })
  }

  #dies(why: string): void {
    if (this.#stopped) return
    this.#die(new OpcuaError('OPCUA_LOST', `Cannot keep the connection to "${this.#config.endpoint}": ${why}`))
  }
}

/** Values that hold structures the library could not decode by itself. */
type Structures = ReturnType<Library['extractDataValueToPromote']>

interface ItemChange {
  readonly clientHandle: number
  readonly value: Change['data'] & { statusCode: { value: number } }
}

/** The data changes of an answer; other notifications have none. */
function changesIn(response: PublishResponse): ItemChange[] {
  return (response.notificationMessage.notificationData ?? []).flatMap(
    (notification) => (notification as { monitoredItems?: ItemChange[] | null } | null)?.monitoredItems ?? [],
  )
}
