import { badEvent, shown } from '../model/cloud-event.ts'
import type { Event } from '../model/event.ts'
import type { Json } from '../model/json-value.ts'

type JsonObject = { readonly [name: string]: Json }

/**
 * The data of an event, field by field, for processors that take it. What is not as wanted throws `BAD_EVENT` with the
 * type, the field and what was wanted, so that the event alone is passed over, counted and logged.
 */
export class EventData {
  readonly #type: string
  readonly #data: JsonObject

  constructor(type: string, data: Json) {
    if (!isObject(data)) throw badEvent(`data of "${type}" is ${shown(data)}, want an object`)
    this.#type = type
    this.#data = data
  }

  static of({ type, data }: Event): EventData {
    return new EventData(type, data)
  }

  has(name: string): boolean {
    return this.#value(name) !== undefined
  }

  text(name: string): string {
    const value = this.#value(name)
    // Numbers of orders and materials come as numbers from many a system.
    if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value)
    if (typeof value === 'string' && value !== '') return value
    throw this.#fault(name, value, 'a text')
  }

  optionalText(name: string): string | undefined {
    return this.has(name) ? this.text(name) : undefined
  }

  number(name: string): number {
    const value = this.#value(name)
    if (typeof value === 'number') return value
    throw this.#fault(name, value, 'a number')
  }

  /** A number above 0. */
  amount(name: string): number {
    const value = this.number(name)
    if (value > 0) return value
    throw this.#fault(name, value, 'a number above 0')
  }

  optionalNumber(name: string): number | undefined {
    return this.has(name) ? this.number(name) : undefined
  }

  /** A list of objects. */
  list(name: string): EventData[] {
    const value = this.#value(name)
    if (!Array.isArray(value)) throw this.#fault(name, value, 'a list')
    return (value as readonly Json[]).map((one) => new EventData(this.#type, one))
  }

  /** null says as much as nothing. */
  #value(name: string): Json | undefined {
    return Object.hasOwn(this.#data, name) ? (this.#data[name] ?? undefined) : undefined
  }

  #fault(name: string, value: Json | undefined, wanted: string) {
    return badEvent(`"${name}" of "${this.#type}" is ${shown(value)}, want ${wanted}`)
  }
}

function isObject(json: Json): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}
