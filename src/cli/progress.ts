/** How often a line of progress is drawn. */
const EVERY_MS = 200
const WIDTH = 24

/** One line that shows how far a long work is: a bar, the rate, when it will be done; on a terminal only. */
export class Progress {
  readonly #what: string
  readonly #began = performance.now()
  #shown = -Infinity

  constructor(what: string) {
    this.#what = what
  }

  show(done: number, of: number): void {
    if (process.stderr.isTTY !== true || performance.now() - this.#shown < EVERY_MS) return
    this.#shown = performance.now()
    process.stderr.write(`\r${progressText(done, of, performance.now() - this.#began, this.#what)}\u001b[K`)
  }

  /** Takes the line away. */
  end(): void {
    if (process.stderr.isTTY === true) process.stderr.write('\r\u001b[K')
  }
}

/** `[######      ] 25 %  1,000 of 4,000 records  500/s  6 s left` */
export function progressText(done: number, of: number, ms: number, what: string): string {
  const share = of === 0 ? 1 : Math.min(1, done / of)
  const filled = Math.round(share * WIDTH)
  const bar = `[${'#'.repeat(filled)}${' '.repeat(WIDTH - filled)}]`
  const perSecond = ms > 0 ? (done / ms) * 1000 : 0
  const left = perSecond > 0 ? `  ${leftText((of - done) / perSecond)} left` : ''
  const counts = `${done.toLocaleString('en-US')} of ${of.toLocaleString('en-US')} ${what}`
  return `${bar} ${Math.floor(share * 100)} %  ${counts}  ${Math.round(perSecond).toLocaleString('en-US')}/s${left}`
}

function leftText(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  return seconds < 5400 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`
}
