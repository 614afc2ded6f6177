import { seededRandom, type Random } from '../../system/random.ts'
import type { Clock, Timer } from '../../system/clock.ts'
import type { Logger } from '../../system/logger.ts'
import type { Address } from '../../system/net.ts'
import { CarCommands } from './car-commands.ts'
import { Car } from './car.ts'
import { startPublisher } from './fleet.ts'
import { startPoster } from './http-poster.ts'
import { Journey } from './journey.ts'
import { Office } from './office.ts'
import { startPressLine } from './press-line.ts'
import { Press } from './press.ts'
import { Station } from './station.ts'

/** What to simulate, and where it speaks; a mouth without an address stays shut. */
export interface SimulatorOptions {
  /** The same seed gives the same plant. */
  readonly seed: number
  /** Simulated seconds in a real second. */
  readonly speed: number
  readonly presses: number
  readonly cars: number
  /** Where the OPC UA server of the press line listens. */
  readonly opcua?: Address
  /** Broker that the cars publish to. */
  readonly mqtt?: Address
  /** URL of the hub that the test station and the office post to. */
  readonly http?: string
  /** Simulated ms between two messages of a car; default 2 s. */
  readonly carIntervalMs?: number
}

export interface Endpoints {
  /** `opc.tcp://127.0.0.1:4840` */
  readonly opcua?: string
  readonly mqtt?: string
  readonly http?: string
}

export interface Simulator {
  readonly endpoints: Endpoints
  close(): Promise<void>
}

/** How often the physics moves and the OPC UA server shows it, in real time. */
const UPDATE_MS = 250

/** How often the office looks whether something is to be posted, in real time. */
const OFFICE_MS = 1_000

/** Simulated time between two tested parts. */
const PART_MS = 6_000

/** Connections that carry a fleet; more cars share them. */
const MOST_CONNECTIONS = 100

/** Where the test station posts to. */
const STATION_ROUTE = 'ingest/press-shop/test-station'

/**
 * Runs a plant and lets it speak for real: a press line over OPC UA, cars over MQTT (QoS 1), a test station and an
 * office over HTTP.
 * @throws a Node system error where the OPC UA port cannot be had.
 */
export async function startSimulator(options: SimulatorOptions, clock: Clock, logger: Logger): Promise<Simulator> {
  const random = seededRandom(options.seed)
  // Everybody has a chance of his own, so that one more car does not change the presses.
  const fork = () => seededRandom(random.integer(2 ** 32))
  const [forPresses, forCars, forStation, forRoads, forOffice] = [fork(), fork(), fork(), fork(), fork()]
  const mouths = [
    await pressLine(options, clock, forPresses),
    fleet(options, clock, logger, forCars, forRoads),
    station(options, clock, logger, forStation),
    office(options, clock, logger, forOffice),
  ]
  return {
    endpoints: Object.assign({}, ...mouths.map((mouth) => mouth?.endpoint)) as Endpoints,
    async close() {
      await Promise.all(mouths.map(async (mouth) => mouth?.close()))
    },
  }
}

interface Mouth {
  readonly endpoint: Endpoints
  close(): Promise<void>
}

async function pressLine(options: SimulatorOptions, clock: Clock, random: Random): Promise<Mouth | undefined> {
  if (options.opcua === undefined || options.presses === 0) return undefined
  const presses = Array.from({ length: options.presses }, () => new Press(seededRandom(random.integer(2 ** 32))))
  const line = await startPressLine(options.opcua, presses, clock)
  const timer = whileTimePasses(clock, UPDATE_MS, (ms) => {
    for (const press of presses) press.step(ms * options.speed)
    line.update()
  })
  return {
    endpoint: { opcua: `opc.tcp://${options.opcua.host}:${line.port}` },
    async close() {
      timer.cancel()
      await line.close()
    },
  }
}

function fleet(
  options: SimulatorOptions,
  clock: Clock,
  logger: Logger,
  random: Random,
  roads: Random,
): Mouth | undefined {
  if (options.mqtt === undefined || options.cars === 0) return undefined
  const cars = Array.from({ length: options.cars }, (_, index) => new Car(index, seededRandom(random.integer(2 ** 32))))
  const journeys = cars.map(() => new Journey(seededRandom(roads.integer(2 ** 32))))
  const publisher = startPublisher(options.mqtt, Math.min(MOST_CONNECTIONS, options.cars), clock, random, logger)
  cars.forEach((car, index) => {
    const commands = new CarCommands(car)
    publisher.listen(index, car.commandTopic, (message) => {
      const answer = commands.take(message, clock.now())
      if (answer !== undefined) publisher.publish(index, car.replyTopic, answer)
    })
  })
  const intervalMs = options.carIntervalMs ?? 2_000
  // Cars do not speak in chorus: in each slice of the interval another part of the fleet does.
  let due = 0
  let next = 0
  const timer = whileTimePasses(clock, UPDATE_MS, (ms) => {
    due = Math.min(cars.length, due + (ms * options.speed * cars.length) / intervalMs)
    for (; due >= 1; due -= 1) {
      const car = cars[next]!
      const payload = car.next(intervalMs)
      const road = journeys[next]!.next(intervalMs, payload.speed)
      publisher.publish(next, car.topic, JSON.stringify({ ...payload, ...road, speed_limit: car.speedLimit }))
      next = (next + 1) % cars.length
    }
  })
  return {
    endpoint: { mqtt: `mqtt://${options.mqtt.host}:${options.mqtt.port}` },
    async close() {
      timer.cancel()
      await publisher.close()
    },
  }
}

function station(options: SimulatorOptions, clock: Clock, logger: Logger, random: Random): Mouth | undefined {
  if (options.http === undefined) return undefined
  const tests = new Station(random)
  const poster = startPoster(options.http, clock, random, logger)
  let due = 0
  const timer = whileTimePasses(clock, UPDATE_MS, (ms) => {
    due = Math.min(100, due + (ms * options.speed) / PART_MS)
    for (; due >= 1; due -= 1) poster.post(STATION_ROUTE, [{ ts: Math.floor(clock.now()), values: tests.next() }])
  })
  return {
    endpoint: { http: options.http },
    async close() {
      timer.cancel()
      await poster.close()
    },
  }
}

function office(options: SimulatorOptions, clock: Clock, logger: Logger, random: Random): Mouth | undefined {
  if (options.http === undefined || options.presses === 0) return undefined
  const people = new Office(options.presses, random)
  const poster = startPoster(options.http, clock, random, logger)
  const timer = whileTimePasses(clock, OFFICE_MS, (ms) => {
    const events = people.next(ms * options.speed)
    if (events.length > 0) poster.post('events', events)
  })
  return {
    endpoint: {},
    async close() {
      timer.cancel()
      await poster.close()
    },
  }
}

/** Calls `fn` with the real time that has passed since the last call; a pause of the process counts as one second. */
function whileTimePasses(clock: Clock, everyMs: number, fn: (ms: number) => void): Timer {
  let last = clock.monotonic()
  return clock.every(everyMs, () => {
    const now = clock.monotonic()
    fn(Math.min(1_000, now - last))
    last = now
  })
}
