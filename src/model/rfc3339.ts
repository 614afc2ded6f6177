/** Date and time of RFC 3339 clause 5.6: `T` and an offset are there; fractions of any length. */
const DATE_TIME = /^(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,12}))?(?:([Zz])|([+-]\d{2}:\d{2}))$/

/** A time as RFC 3339 writes it, in UTC, in ms or, where it has fractions of them, in µs. */
export function formatTime(ms: number): string {
  const micros = Math.round(ms * 1000)
  const rest = ((micros % 1000) + 1000) % 1000
  const text = new Date((micros - rest) / 1000).toISOString()
  return rest === 0 ? text : `${text.slice(0, -1)}${String(rest).padStart(3, '0')}Z`
}

/** ms since the epoch, with fractions down to the µs; undefined where the text is no such time. */
export function parseRfc3339(text: string): number | undefined {
  const match = DATE_TIME.exec(text)
  if (!match) return undefined
  const [, day, time, fraction = '', zulu, offset] = match
  const whole = Date.parse(`${day}T${time}${zulu === undefined ? offset! : 'Z'}`)
  if (Number.isNaN(whole)) return undefined
  return fraction === '' ? whole : Math.round((whole + Number(`0.${fraction}`) * 1000) * 1000) / 1000
}
