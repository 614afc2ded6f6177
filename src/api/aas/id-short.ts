/** Longest idShort (IDTA-01001-3-0, NameType). */
const LONGEST = 128

/**
 * A name as an idShort: letters, digits and underscores, a letter first (AASd-002). `motor.temperature` becomes
 * `motor_temperature`; the name itself stays in the display name.
 */
export function idShortOf(name: string): string {
  const plain = name.normalize('NFKD').replace(/[^A-Za-z0-9_]/g, '_')
  return (/^[A-Za-z]/.test(plain) ? plain : `t_${plain}`).slice(0, LONGEST)
}

/** idShorts of names that lie side by side, told apart by a number where two would be alike, however they are written (AASd-022). */
export function idShortsOf(names: readonly string[]): readonly string[] {
  const taken = new Set<string>()
  return names.map((name) => {
    const wanted = idShortOf(name)
    let free = wanted
    for (let number = 2; taken.has(free.toLowerCase()); number += 1) {
      const ending = `_${number}`
      free = `${wanted.slice(0, LONGEST - ending.length)}${ending}`
    }
    taken.add(free.toLowerCase())
    return free
  })
}
