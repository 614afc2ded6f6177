import type { Position } from '../log/log.ts'
import { addSummaries, bookId, summaryOf, type BookState, type BookSummary, type Holder } from './book.ts'
import type { Checkpoint, Statement } from './checkpoint.ts'

/** The newest that the ledger's topic says of a book, and from where the log carries it on. */
export interface KnownBook {
  readonly state: BookState
  /** See `Statement.positions`; shared by all books of one statement. */
  readonly positions: readonly Position[]
  readonly at: number
}

/**
 * A book is folded into its source's sum when it has been closed for so long that nobody can still append to it who has
 * not been dead or frozen all that time: five times what a log's client tries to deliver.
 */
const FOLD_AFTER_MS = 600_000

/**
 * All books as the ledger's topic tells them, record by record in order. Who says first that a book of an epoch is its
 * own, has it: this is how an epoch is claimed, and all who read the topic agree.
 */
export class KnownBooks {
  readonly #books = new Map<string, KnownBook>()
  readonly #past = new Map<string, BookState>()
  readonly #keepAll: boolean

  /** `keepAll`: books are not folded, so that each of them can be proved. */
  constructor({ keepAll = false }: { readonly keepAll?: boolean } = {}) {
    this.#keepAll = keepAll
  }

  /** Takes the next record of the topic. */
  merge(checkpoint: Checkpoint): void {
    if (!this.#keepAll) for (const past of checkpoint.past ?? []) this.#fold(past)
    for (const statement of [...(checkpoint.others ?? []), checkpoint]) this.#take(statement)
  }

  /** Folds what has been closed for long, seen from a wall time. */
  fold(now: number): void {
    if (this.#keepAll) return
    const books = this.#inOrder()
    const highest = new Map(books.map(({ state }) => [state.source, state.epoch]))
    const stays = new Set<string>()
    for (const { state, at } of books) {
      const { source, epoch, closed } = state
      // In the order of the epochs, so that one number says what is in the sum.
      if (closed !== true || now - at < FOLD_AFTER_MS || highest.get(source) === epoch) stays.add(source)
      if (!stays.has(source)) this.#fold(withPast(state, this.#past.get(source)))
    }
  }

  all(): readonly KnownBook[] {
    return [...this.#books.values()]
  }

  get(id: string): KnownBook | undefined {
    return this.#books.get(id)
  }

  /** The sums of what was folded, by source. */
  past(): readonly BookState[] {
    return [...this.#past.values()]
  }

  /** Whether this book is in a sum, so that nothing can be said of its numbers any more. */
  isPast(source: string, epoch: number): boolean {
    return (this.#past.get(source)?.epoch ?? 0) >= epoch
  }

  /** The highest epoch of a source that anybody has; 1 where nobody has any. */
  highest(source: string): number {
    let highest = this.#past.get(source)?.epoch ?? 1
    for (const { state } of this.#books.values()) {
      if (state.source === source && state.epoch > highest) highest = state.epoch
    }
    return highest
  }

  /** The book of the highest epoch of each source. */
  newest(): ReadonlyMap<string, BookState> {
    return new Map(this.#inOrder().map(({ state }) => [state.source, state]))
  }

  /** Whose a book is; undefined: nobody's. */
  holder(source: string, epoch: number): Holder | undefined {
    return this.#books.get(bookId({ source, epoch }))?.state.holder
  }

  /** The books but those of `except`, as few statements as their positions allow. */
  statements(except: { has(id: string): boolean }): Statement[] {
    const statements = new Map<
      readonly Position[],
      { at: number; positions: readonly Position[]; books: BookState[] }
    >()
    for (const [id, { state, positions, at }] of this.#books) {
      if (except.has(id)) continue
      const statement = statements.get(positions) ?? { at, positions, books: [] }
      statement.books.push(state)
      statements.set(positions, statement)
    }
    return [...statements.values()]
  }

  /** The account of each source, without the books of `except`. */
  summaries(except: { has(id: string): boolean }): BookSummary[] {
    const sources = new Map<string, BookSummary>()
    const add = (book: BookState) => {
      const before = sources.get(book.source)
      const summary = summaryOf(book)
      sources.set(book.source, before === undefined ? summary : addSummaries(before, summary))
    }
    for (const book of this.#past.values()) add(book)
    for (const { state } of this.#inOrder()) if (!except.has(bookId(state))) add(state)
    return [...sources.values()]
  }

  #take({ at, positions, books }: Statement): void {
    for (const state of books) {
      if (this.isPast(state.source, state.epoch)) continue
      const id = bookId(state)
      const before = this.#books.get(id)
      if (before === undefined) this.#books.set(id, { state, positions, at })
      else if (before.state.holder?.run === state.holder?.run)
        this.#books.set(id, newer(before, { state, positions, at }))
    }
  }

  #fold(past: BookState): void {
    if ((this.#past.get(past.source)?.epoch ?? 0) >= past.epoch) return
    this.#past.set(past.source, past)
    for (const [id, { state }] of this.#books) {
      if (state.source === past.source && state.epoch <= past.epoch) this.#books.delete(id)
    }
  }

  #inOrder(): KnownBook[] {
    return [...this.#books.values()].sort((a, b) => a.state.epoch - b.state.epoch)
  }
}

/**
 * What a holder says of its book stands even where others have closed it: it knows more than the log tells, and where it
 * goes on numbering, it lives.
 */
function newer(before: KnownBook, after: KnownBook): KnownBook {
  if (after.state.seq > before.state.seq) return after
  const later = after.state.seq < before.state.seq ? before : after
  const closed = before.state.closed === true || after.state.closed === true
  return closed && later.state.closed !== true ? { ...later, state: { ...later.state, closed: true } } : later
}

function withPast(book: BookState, past: BookState | undefined): BookState {
  const { holder: _holder, ...state } = book
  if (past === undefined) return state
  const droppedBy = new Map(past.droppedBy)
  for (const [policy, count] of state.droppedBy) droppedBy.set(policy, (droppedBy.get(policy) ?? 0) + count)
  return {
    ...state,
    seq: past.seq + state.seq,
    stored: past.stored + state.stored,
    quarantined: past.quarantined + state.quarantined,
    droppedBy,
    unacknowledged: past.unacknowledged + state.unacknowledged,
    duplicates: past.duplicates + state.duplicates,
  }
}
