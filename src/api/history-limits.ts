/** Every bound of questions to history. */
export const HISTORY = {
  /** Tags in one question, over all its assets. */
  tags: 1_000,
  /** Assets that a pattern is held against. */
  assets: 10_000,
  /** Aggregates in one question: there are 37. */
  aggregates: 37,
  /** Points in one answer: intervals times aggregates times tags, or buckets times tags. */
  points: 200_000,
  /** Points of one tag of a chart: more than a screen has columns. */
  chartPoints: 10_000,
  usualPage: 1_000,
  /** Samples of a tag, or rows of a join, in one page. */
  page: 10_000,
  /** Samples in one page, over all its tags. */
  pageSamples: 100_000,
  /** Tags of a join: columns. */
  columns: 100,
  /** A hundred years: clocks of machines are wrong by ten, not by more. */
  spanMs: 100 * 366 * 86_400_000,
  /** Samples that one question may look at in the store to answer. */
  samplesRead: 5_000_000,
  /** Those of lines by LTTB, which are all in memory at once. */
  lineSamples: 500_000,
  /** Text and JSON of an answer; a page ends there. */
  answerBytes: 16 << 20,
  /** What is shown where no time is said: the last hour. */
  usualSpanMs: 3_600_000,
} as const
