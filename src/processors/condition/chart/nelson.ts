/** The eight tests for special causes (L. S. Nelson, Journal of Quality Technology 16/4, 1984), in their order. */
export const NELSON_RULES: readonly {
  readonly says: string
  readonly fires: (window: readonly number[]) => boolean
}[] = [
  { says: 'beyond 3 sigma', fires: (window) => someBeyond(window, 1, 1, 3) },
  { says: '9 in a row on one side', fires: (window) => someBeyond(window, 9, 9, 0) },
  { says: '6 in a row rising or falling', fires: (window) => isTrend(window.slice(-6), 6) },
  { says: '14 in a row up and down', fires: (window) => isAlternating(window.slice(-14), 14) },
  { says: '2 of 3 beyond 2 sigma', fires: (window) => someBeyond(window, 2, 3, 2) },
  { says: '4 of 5 beyond 1 sigma', fires: (window) => someBeyond(window, 4, 5, 1) },
  { says: '15 in a row within 1 sigma', fires: (window) => allOf(window, 15, (z) => Math.abs(z) < 1) },
  { says: '8 in a row beyond 1 sigma on both sides', fires: (window) => isMixture(window) },
]

/** Values that the longest test looks at. */
export const NELSON_WINDOW = 15

/** Numbers of the rules that fire on the newest of these values, which are in standard deviations from the mean. */
export function firingRules(window: readonly number[], rules: readonly number[]): number[] {
  return rules.filter((rule) => NELSON_RULES[rule - 1]!.fires(window))
}

/** At least `count` of the last `of`, the newest among them, beyond a distance on one side. */
function someBeyond(window: readonly number[], count: number, of: number, distance: number): boolean {
  if (window.length < count) return false
  const last = window.slice(-of)
  const newest = last.at(-1)!
  return [1, -1].some((side) => newest * side > distance && last.filter((z) => z * side > distance).length >= count)
}

function isTrend(last: readonly number[], count: number): boolean {
  if (last.length < count) return false
  const steps = last.slice(1).map((z, index) => Math.sign(z - last[index]!))
  return steps[0] !== 0 && steps.every((step) => step === steps[0])
}

function isAlternating(last: readonly number[], count: number): boolean {
  if (last.length < count) return false
  const steps = last.slice(1).map((z, index) => Math.sign(z - last[index]!))
  return steps.every((step, index) => step !== 0 && (index === 0 || step === -steps[index - 1]!))
}

function isMixture(window: readonly number[]): boolean {
  const last = window.slice(-8)
  return allOf(window, 8, (z) => Math.abs(z) > 1) && last.some((z) => z > 0) && last.some((z) => z < 0)
}

function allOf(window: readonly number[], count: number, is: (z: number) => boolean): boolean {
  return window.length >= count && window.slice(-count).every(is)
}
