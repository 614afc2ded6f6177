import type { JsonValue } from '../contract.ts'
import { badQuery, shown } from '../query.ts'
import { textOf, type JsonObject } from './json.ts'
import { cursorText, type Paging } from './query.ts'

/** Things that one question looks at: beyond it the page ends early, and says where it goes on. */
const MOST_LOOKED_AT = 10_000

/** Characters of a page, about: it ends with the thing that passes it. */
const MOST_CHARACTERS = 8 << 20

/** A page of a listing (IDTA-01002-3-0, clause on pagination): no cursor is the end. */
export interface Paged {
  readonly paging_metadata: { readonly cursor?: string }
  readonly result: readonly JsonValue[]
}

/** A page of things that have an id, those that `takes` lets through, each as `show` has it. */
export async function pageOfIds(
  all: AsyncIterable<JsonObject>,
  limit: number,
  takes: (one: JsonObject) => boolean,
  show: (one: JsonObject) => JsonValue,
): Promise<Paged> {
  const result: JsonValue[] = []
  let last: string | undefined
  let looked = 0
  let characters = 0
  for await (const one of all) {
    // One more was there: so there is a next page.
    const isFull = result.length === limit || characters > MOST_CHARACTERS
    if (isFull || looked === MOST_LOOKED_AT) return paged(result, last)
    looked += 1
    last = textOf(one, 'id')
    if (!takes(one)) continue
    const shown = show(one)
    result.push(shown)
    characters += JSON.stringify(shown).length
  }
  return paged(result, undefined)
}

/** A page of what is in memory, by number. */
export function pageOfItems<T>(items: readonly T[], { limit, cursor }: Paging, show: (item: T) => JsonValue): Paged {
  const from = cursor === undefined ? 0 : numberAt(cursor)
  const to = from + limit
  return paged(items.slice(from, to).map(show), to < items.length ? String(to) : undefined)
}

export function paged(result: readonly JsonValue[], place: string | undefined): Paged {
  return { paging_metadata: place === undefined ? {} : { cursor: cursorText(place) }, result }
}

/** @throws ApiError `BAD_QUERY` */
function numberAt(cursor: string): number {
  if (/^\d{1,9}$/.test(cursor)) return Number(cursor)
  throw badQuery('cursor', `it is ${shown(cursor)}`, 'one that an answer had')
}
