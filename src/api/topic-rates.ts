/** What was written to topics, at moments when somebody asked. */
interface Sample {
  readonly at: number
  readonly written: number
}

/** A rate is taken over the samples of this time, at least over the shorter one. */
const WINDOW_MS = 10_000
const LEAST_MS = 500
/** Topics that are remembered: they are named by whoever asks. */
const MOST_TOPICS = 10_000

/** How fast topics grow, from what is seen whenever somebody looks; nothing is done while nobody does. */
export class TopicRates {
  readonly #samples = new Map<string, Sample[]>()

  /** Notes the sum of a topic's ends; answers records per second, or undefined where it cannot be known yet. */
  note(topic: string, at: number, written: number): number | undefined {
    const samples = (this.#samples.get(topic) ?? []).filter((sample) => at - sample.at <= 2 * WINDOW_MS)
    const base = samples.findLast((sample) => at - sample.at >= WINDOW_MS) ?? samples[0]
    const newest = samples.at(-1)
    if (newest === undefined || at - newest.at >= LEAST_MS) samples.push({ at, written })
    if (this.#samples.size < MOST_TOPICS || this.#samples.has(topic)) this.#samples.set(topic, samples)
    if (base === undefined || at - base.at < LEAST_MS) return undefined
    return Math.max(0, ((written - base.written) * 1000) / (at - base.at))
  }
}
