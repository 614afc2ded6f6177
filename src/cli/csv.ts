import type { Sample } from '../model/reading.ts'
import { valueText } from './readings.ts'

/** RFC 4180; a cell that a spreadsheet would run as a formula is quoted as text. */
export function csvField(value: unknown): string {
  const text = value === null ? '' : typeof value === 'number' ? String(value) : valueText(value as Sample['value'])
  const safe = typeof value !== 'number' && /^[=+\-@\t]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
