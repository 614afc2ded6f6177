/** Weights of an EWMA chart; `lambda` 0.1 with `width` 2.7 is as rarely wrong as limits of 3 sigma, and sees 1 sigma sooner. */
export interface EwmaSettings {
  /** Weight of the newest value. */
  readonly lambda: number
  /** Distance of the limits, in standard deviations of the average. */
  readonly width: number
}

export interface Ewma {
  average: number
  count: number
}

/**
 * Takes a value in standard deviations from the mean. Answers how far the exponentially weighted moving average is from the
 * mean, where 1 is at the limit (Roberts 1959; ISO 7870-6:2016, with the limits of the first values as they are).
 */
export function addToEwma(ewma: Ewma, z: number, { lambda, width }: EwmaSettings): number {
  ewma.average = lambda * z + (1 - lambda) * ewma.average
  ewma.count = Math.min(ewma.count + 1, 1_000_000)
  const spread = Math.sqrt((lambda / (2 - lambda)) * (1 - (1 - lambda) ** (2 * ewma.count)))
  return ewma.average / (width * spread)
}
