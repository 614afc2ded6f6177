import type { Sample } from '../model/reading.ts'
import { csvCell } from '../system/csv-cell.ts'
import { valueText } from './readings.ts'

/** A value as a cell of CSV. */
export function csvField(value: unknown): string {
  const isNumber = typeof value === 'number'
  const text = value === null ? '' : isNumber ? String(value) : valueText(value as Sample['value'])
  return csvCell(text, isNumber)
}
