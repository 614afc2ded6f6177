import type { JsonValue, TagView } from '../../src/api/contract.ts'

/** UCUM codes as people write them; a code that is not here is shown as it is. */
const UNITS: { readonly [code: string]: string } = {
  Cel: '°C',
  '[degF]': '°F',
  K: 'K',
  '%': '%',
  '1': '',
  'kW.h': 'kWh',
  'W.h': 'Wh',
  '/min': '1/min',
  '{rpm}': 'rpm',
  '{rev}/min': 'rpm',
  'm/s2': 'm/s²',
  m3: 'm³',
  'm3/h': 'm³/h',
  'l/min': 'l/min',
  'L/min': 'l/min',
  deg: '°',
  Ohm: 'Ω',
  um: 'µm',
  us: 'µs',
  'N.m': 'Nm',
}

export function unitText(code: string | undefined): string {
  if (code === undefined) return ''
  return Object.hasOwn(UNITS, code) ? UNITS[code]! : code.replaceAll(/[{}]/g, '')
}

/** Digits after the point at most: three, fewer where a number is large, more where all are tiny. */
const DIGITS = { most: 3, large: 1, tiny: 9 } as const

const TINY = 0.001

/**
 * How many digits after the point a tag's numbers are shown with, so that they neither jump nor pretend: as many as
 * the numbers seen have, and no more than a ten-thousandth of the range, where there is one, is worth.
 */
export function digitsFor(tag: Pick<TagView, 'range'>, seen: readonly number[]): number {
  const largest = Math.max(0, ...seen.map(Math.abs).filter(Number.isFinite))
  const most = tag.range === undefined ? worthBySize(largest) : worthInRange(tag.range)
  let digits = 0
  for (const value of seen) digits = Math.max(digits, digitsOf(value, most))
  return digits
}

function worthInRange([low, high]: readonly [number, number]): number {
  const span = Math.abs(high - low) || 1
  return Math.min(DIGITS.tiny, Math.max(0, Math.ceil(4 - Math.log10(span))))
}

function worthBySize(largest: number): number {
  if (largest === 0) return DIGITS.most
  if (largest < TINY) return Math.min(DIGITS.tiny, Math.ceil(-Math.log10(largest)) + 2)
  // Four figures in all, and at least one after the point.
  return Math.min(DIGITS.most, Math.max(DIGITS.large, 3 - Math.floor(Math.log10(largest))))
}

function digitsOf(value: number, most: number): number {
  if (most === 0 || !Number.isFinite(value) || Number.isInteger(value)) return 0
  // A tiny number is all zeros up to the last digit: it needs them.
  if (most === DIGITS.tiny) return most
  const text = value.toFixed(most).replace(/0+$/, '')
  return Math.max(0, text.length - text.indexOf('.') - 1)
}

/** Numbers from this size on are shown with an exponent, and those that nine digits cannot show. */
const HUGE = 1e12

/** A number with thin spaces between thousands and a real minus sign. */
export function numberText(value: number, digits: number): string {
  if (!Number.isFinite(value)) return String(value)
  if (Math.abs(value) >= HUGE || (value !== 0 && digits === DIGITS.tiny)) {
    return value.toExponential(3).replaceAll('-', '\u2212').replace('e+', 'e')
  }
  const [whole, fraction] = Math.abs(value).toFixed(digits).split('.')
  const grouped = whole!.replaceAll(/\B(?=(\d{3})+$)/g, '\u202f')
  // A rounded zero has no sign.
  const negative = value < 0 && Number(value.toFixed(digits)) !== 0
  return `${negative ? '\u2212' : ''}${grouped}${fraction === undefined ? '' : `.${fraction}`}`
}

export function valueText(value: JsonValue, digits: number): string {
  if (value === null) return '–'
  if (typeof value === 'number') return numberText(value, digits)
  if (typeof value === 'object') return JSON.stringify(value)
  return String(value)
}

/** An age in two or three characters and a unit: `now`, `8 s`, `4 min`, `3 h`, `12 d`. */
export function ageText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 2) return 'now'
  if (seconds < 100) return `${seconds} s`
  if (seconds < 100 * 60) return `${Math.floor(seconds / 60)} min`
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`
  return `${Math.floor(seconds / 86_400)} d`
}

/** `BadSensorFailure` as `Bad sensor failure`. */
export function qualityText(name: string): string {
  if (name.startsWith('0x')) return name
  const words = name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase()
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** A rate per second: whole numbers from ten on. */
export function rateText(perSecond: number): string {
  return numberText(perSecond, perSecond > 0 && perSecond < 10 ? 1 : 0)
}

const SIZES = ['B', 'kB', 'MB', 'GB', 'TB'] as const

/** A size with the unit that leaves one to three figures before the point. */
export function sizeText(bytes: number): string {
  const step = Math.min(SIZES.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)))
  const value = bytes / 1000 ** step
  return `${numberText(value, step > 0 && value < 10 ? 1 : 0)} ${SIZES[step]!}`
}
