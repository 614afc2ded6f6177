interface PagerProps<P> {
  /** Where the pages after the first began: the way back. */
  readonly pages: readonly P[]
  /** Where the page after this one begins; undefined: there is none. */
  readonly next: P | undefined
  readonly onPages: (pages: readonly P[]) => void
}

/** To the pages before and after this one of a list that begins with the newest. */
export function Pager<P>({ pages, next, onPages }: PagerProps<P>) {
  return (
    <>
      <button class="button" type="button" disabled={pages.length === 0} onClick={() => onPages(pages.slice(0, -1))}>
        Newer
      </button>
      <button
        class="button"
        type="button"
        disabled={next === undefined}
        onClick={() => next !== undefined && onPages([...pages, next])}
      >
        Older
      </button>
    </>
  )
}
