import { LIMITS, type Car } from './car.ts'

/** Commands that a car remembers, so that one that comes twice is done once. */
const REMEMBERED = 32

/** What a car makes of the commands that it gets over MQTT; each is answered. */
export class CarCommands {
  readonly #car: Car
  readonly #answers = new Map<string, string>()

  constructor(car: Car) {
    this.#car = car
  }

  /** The answer to a message at this wall time, in ms; undefined where it is no command. */
  take(message: string, now: number): string | undefined {
    const command = parse(message)
    if (typeof command?.id !== 'string') return undefined
    const before = this.#answers.get(command.id)
    if (before !== undefined) return before
    const answer = JSON.stringify({ id: command.id, ...this.#obey(command, now) })
    this.#answers.set(command.id, answer)
    if (this.#answers.size > REMEMBERED) this.#answers.delete(this.#answers.keys().next().value!)
    return answer
  }

  #obey({ command, value, expires }: Command, now: number): object {
    if (typeof expires === 'number' && expires < now) return no('Expired', 'it came too late')
    if (command !== 'limit-speed') return no('NotSupported', `it knows no command "${String(command)}"`)
    if (typeof value !== 'number' || !(value >= LIMITS.least && value <= LIMITS.most)) {
      return no('OutOfRange', `want ${LIMITS.least} to ${LIMITS.most} m/s`)
    }
    if (!this.#car.limitSpeed(value)) return no('InvalidState', 'it is charging')
    return { ok: true, value }
  }
}

interface Command {
  readonly id?: unknown
  readonly command?: unknown
  readonly value?: unknown
  readonly expires?: unknown
}

function parse(message: string): Command | undefined {
  try {
    const parsed: unknown = JSON.parse(message)
    return typeof parsed === 'object' && parsed !== null ? parsed : undefined
  } catch {
    return undefined
  }
}

function no(code: string, reason: string): object {
  return { ok: false, code, reason }
}
