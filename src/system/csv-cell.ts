/** A cell of CSV (RFC 4180); text that a spreadsheet would run as a formula is marked as text. */
export function csvCell(text: string, isNumber: boolean): string {
  const safe = !isNumber && /^[=+\-@\t]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
