/** The elements of a JSON array as bytes, exactly as they were written. Cut out on first use; the text is valid JSON. */
export class Elements {
  readonly #text: string
  #spans: readonly (readonly [start: number, end: number])[] | undefined

  constructor(text: string) {
    this.#text = text
  }

  bytes(index: number): Uint8Array {
    this.#spans ??= findElements(this.#text)
    const [start, end] = this.#spans[index]!
    return Buffer.from(this.#text.slice(start, end).trim(), 'utf8')
  }
}

/** Where each element of a (valid) JSON array starts and ends. */
function findElements(text: string): [number, number][] {
  const spans: [number, number][] = []
  let start = text.indexOf('[') + 1
  let depth = 0
  for (let at = start; at < text.length; at++) {
    const char = text[at]
    if (char === '"') at = endOfString(text, at)
    else if (char === '[' || char === '{') depth++
    else if (depth > 0 && (char === ']' || char === '}')) depth--
    else if (depth === 0 && (char === ',' || char === ']')) {
      spans.push([start, at])
      start = at + 1
    }
  }
  return spans
}

function endOfString(text: string, quote: number): number {
  let at = quote + 1
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at
}
