/** A time as an input of `datetime-local` wants it, by the clock of whoever looks: to the minute, or to the second. */
export function localText(time: number, to: 'minute' | 'second'): string {
  const local = new Date(time - new Date(time).getTimezoneOffset() * 60_000)
  return local.toISOString().slice(0, to === 'minute' ? 16 : 19)
}
