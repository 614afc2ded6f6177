/** A text as one line of a header: no line can be smuggled into it. */
export function singleLine(text: string, most: number): string {
  // eslint-disable-next-line no-control-regex
  const line = text.replaceAll(/[\u0000-\u001f\u007f\u2028\u2029]+/g, ' ')
  return line.length > most ? `${line.slice(0, most - 3)}...` : line
}
