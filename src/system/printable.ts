/**
 * Text that came from machines, fit to be shown: it stays on one line, and nothing in it steers a terminal.
 */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?')
}
