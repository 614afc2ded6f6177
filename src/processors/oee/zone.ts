/**
 * Wall-clock time of an IANA time zone. A wall time is ms as though the clock on the wall showed UTC, so that its hours and
 * days are found by division.
 */
const FORMATS = new Map<string, Intl.DateTimeFormat>()

/** What the clock on the wall is ahead of UTC at an instant, ms. */
export function offsetAt(instant: number, zone: string): number {
  if (zone === 'UTC') return 0
  const part: { [type: string]: number } = {}
  for (const { type, value } of format(zone).formatToParts(instant)) part[type] = Number(value)
  const wall = Date.UTC(part.year!, part.month! - 1, part.day, part.hour, part.minute, part.second)
  return wall - Math.floor(instant / 1000) * 1000
}

function format(zone: string): Intl.DateTimeFormat {
  let known = FORMATS.get(zone)
  if (known === undefined) {
    known = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'gregory',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    FORMATS.set(zone, known)
  }
  return known
}

/** Whether the zone is one that this runtime knows. */
export function isZone(zone: string): boolean {
  try {
    return format(zone).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

/**
 * The instant at which the clock on the wall shows a time. Of an hour that is there twice (clocks go back) the first one; a
 * time that is skipped (clocks go forward) is as much later as is skipped: what RFC 5545 3.3.5 says of both.
 */
export function instantOf(wall: number, zone: string): number {
  const before = offsetAt(wall - DAY_MS, zone)
  const after = offsetAt(wall + DAY_MS, zone)
  if (offsetAt(wall - before, zone) === before) return wall - before
  if (offsetAt(wall - after, zone) === after) return wall - after
  return wall - before
}

export const DAY_MS = 86_400_000
export const HOUR_MS = 3_600_000
export const MINUTE_MS = 60_000
