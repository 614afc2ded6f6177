import { styleText } from 'node:util'

/** What a command prints with: results on stdout, everything about them on stderr. */
export interface Terminal {
  /** A line of the result. */
  out(line: string): void
  /** A line about the work: progress, warnings, errors. */
  err(line: string): void
  /** Text in a style, where stdout is a terminal that shows colours (NO_COLOR and FORCE_COLOR are heeded). */
  style(style: 'bold' | 'dim' | 'red' | 'green' | 'yellow', text: string): string
  readonly interactive: boolean
}

export const terminal: Terminal = {
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
  style: (style, text) => styleText(style, text, { stream: process.stdout }),
  interactive: process.stdout.isTTY === true,
}

/** Rows as aligned columns; numbers to the right. The first row is the heading. */
export function table(rows: readonly (readonly (string | number)[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => cell(row[column]).length)))
  return rows.map((row) =>
    row
      .map((value, column) => {
        const numeric = rows.slice(1).every((other) => typeof other[column] === 'number')
        return numeric ? cell(value).padStart(widths[column]!) : cell(value).padEnd(widths[column]!)
      })
      .join('  ')
      .trimEnd(),
  )
}

function cell(value: string | number | undefined): string {
  return typeof value === 'number' ? value.toLocaleString('en-US') : (value ?? '')
}
