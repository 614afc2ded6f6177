/** Ends of what JavaScript's Date can say (ECMA-262 21.4.1.1), in ms. */
const FURTHEST_MS = 8.64e15

/**
 * Magnitudes at which a number of one unit becomes the next: below 1e11 it counts seconds (until the year 5138),
 * below 1e14 milliseconds, below 1e17 microseconds, from there nanoseconds. All of them are right for any date
 * after March 1973 in ms, January 1970 in s.
 */
const UNITS: readonly (readonly [below: number, perMs: number])[] = [
  [1e11, 1e-3],
  [1e14, 1],
  [1e17, 1e3],
  [Number.POSITIVE_INFINITY, 1e6],
]

// A date alone, or with a time of day; an offset, or none (then UTC).
const ISO =
  /^(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2})(?::(\d{2})(?:[.,](\d{1,12}))?)?\s?(?:([Zz])|([+-]\d{2}):?(\d{2})?)?)?$/

/**
 * A source time as machines write it, in ms since the epoch with fractions down to the microsecond; undefined where
 * it cannot be read. A number, or a text of one, counts s, ms, us or ns by its magnitude; another text is ISO 8601
 * (RFC 3339), in UTC where it has no offset.
 */
export function parseTime(given: unknown): number | undefined {
  if (typeof given === 'number') return fromNumber(given)
  if (typeof given === 'bigint') return fromNumber(Number(given))
  if (typeof given !== 'string' || given.length > 64) return undefined
  return /^-?\d+(?:\.\d+)?$/.test(given) ? fromNumber(Number(given)) : fromIso(given)
}

function fromNumber(count: number): number | undefined {
  const size = Math.abs(count)
  const [, perMs] = UNITS.find(([below]) => size < below) ?? [0, Number.NaN]
  return usable(perMs === 1 && Number.isInteger(count) ? count : toMicroseconds(count / perMs))
}

function fromIso(text: string): number | undefined {
  const match = ISO.exec(text)
  if (!match) return undefined
  const [, day, time = '00:00', seconds = '00', fraction = '', zulu, hours, minutes = '00'] = match
  const zone = zulu !== undefined || hours === undefined ? 'Z' : `${hours}:${minutes}`
  const whole = Date.parse(`${day}T${time}:${seconds}${zone}`)
  // Date.parse keeps milliseconds only; machines write micro- and nanoseconds.
  return usable(fraction === '' ? whole : toMicroseconds(whole + Number(`0.${fraction}`) * 1000))
}

/** A double of this size holds a quarter of a microsecond; what is below is noise of the division. */
function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000
}

function usable(ms: number): number | undefined {
  return Math.abs(ms) <= FURTHEST_MS ? ms : undefined
}
