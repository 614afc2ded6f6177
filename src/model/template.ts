import { ModelError } from './errors.ts'

/** Most names one template may stand for; a plant with more machines than this writes several lines. */
const MOST_NAMES = 100_000

/** One `{from..to}`; a leading zero on either side pads all its numbers to that width. */
const RANGE = /\{(\d{1,9})\.\.(\d{1,9})\}/g

/**
 * The names a template stands for, in counting order: `press{1..8}` is press1 to press8, `{01..12}` keeps its zeros,
 * several ranges multiply (`line{1..2}/press{1..4}` is 8 names, the last range counts fastest), and a text without a
 * range is itself. At most 100,000 names.
 * @throws ModelError `BAD_TEMPLATE` where a brace is not part of a range, a range counts down, or there are too many.
 */
export function expandTemplate(text: string): string[] {
  const { texts, ranges } = parse(text)
  const total = ranges.reduce((product, range) => product * (range.to - range.from + 1), 1)
  if (total > MOST_NAMES) throw fault(text, `it stands for ${total} names, want at most ${MOST_NAMES}`)
  let names = [texts[0]!]
  ranges.forEach((range, index) => {
    const after = texts[index + 1]!
    names = names.flatMap((name) => numbers(range).map((number) => name + number + after))
  })
  return names
}

interface Range {
  readonly from: number
  readonly to: number
  /** Digits that every number is padded to; 0 where the range has no leading zero. */
  readonly width: number
}

/** The plain texts of a template and the ranges between them: always one text more than ranges. */
function parse(text: string): { texts: string[]; ranges: Range[] } {
  const texts: string[] = []
  const ranges: Range[] = []
  let end = 0
  for (const match of text.matchAll(RANGE)) {
    texts.push(text.slice(end, match.index))
    ranges.push(rangeOf(text, match[1]!, match[2]!))
    end = match.index + match[0].length
  }
  texts.push(text.slice(end))
  const stray = texts.find((part) => /[{}]/.test(part))
  if (stray !== undefined) throw fault(text, `it has a brace in "${stray}" that is not a range, want e.g. {1..8}`)
  return { texts, ranges }
}

function rangeOf(text: string, first: string, last: string): Range {
  const from = Number(first)
  const to = Number(last)
  if (to < from) throw fault(text, `range {${first}..${last}} counts down, want {${last}..${first}}`)
  const padded = [first, last].some((digits) => digits.length > 1 && digits.startsWith('0'))
  return { from, to, width: padded ? Math.max(first.length, last.length) : 0 }
}

function numbers({ from, to, width }: Range): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => String(from + index).padStart(width, '0'))
}

function fault(text: string, what: string): ModelError {
  return new ModelError('BAD_TEMPLATE', `Cannot expand template ${JSON.stringify(text.slice(0, 200))}: ${what}`)
}
