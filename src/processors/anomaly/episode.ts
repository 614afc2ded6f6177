/**
 * When an episode begins and ends: one alarm each. It begins with a row rarer than the budget allows. It lasts while
 * the machine's fast levels are rarer than a tenth of that, and is over after `CALM_ROWS` without. The next one can
 * begin once nothing unusual has been seen for `REARM_ROWS` (slow averages take longer to come back than the machine),
 * or earlier with something `WORSE` times as rare.
 */
export interface Gate {
  active: boolean
  armed: boolean
  /** Rows of this episode. */
  rows: number
  /** Rows without a reason to go on; rows without anything unusual. */
  calm: number
  quiet: number
  /** The rarest since the gate was armed. */
  worst: number
  /** The rarest of this episode that was told, and its row then. */
  told: number
  toldAt: number
  /** When the excursion under way left the usual, ms since the epoch. */
  onset: number | null
}

const CALM_ROWS = 16
const REARM_ROWS = 32
const WORSE = Math.exp(2)
const LASTING_SHARE = 10
/** An episode is told again when it is so many times as rare, but not with every row of its rise. */
const TOLD_AGAIN = 100
const TOLD_ROWS = 16

export function newGate(): Gate {
  return { active: false, armed: true, rows: 0, calm: 0, quiet: 0, worst: 0, told: 0, toldAt: 0, onset: null }
}

/** One row's answer; periods in rows. */
export interface Rarity {
  /** What the machine's tail is taken from, and where it begins. */
  readonly rarest: number
  readonly limit: number
  /** Return period of the row, and of what makes an episode last. */
  readonly period: number
  readonly lasting: number
}

export function passGate(
  gate: Gate,
  rarity: Rarity,
  rowsPerAlarm: number,
  time: number,
): 'begins' | 'worsens' | 'ends' | undefined {
  noteOnset(gate, rarity, time)
  const rare = rarity.period > rowsPerAlarm
  const begins = rare && !gate.active && (gate.armed || rarity.rarest > gate.worst * WORSE)
  if (begins || gate.active) gate.worst = Math.max(gate.worst, rarity.rarest)
  if (begins) {
    gate.active = true
    gate.armed = false
    gate.rows = 0
    gate.calm = 0
    tell(gate, rarity)
    return 'begins'
  }
  if (!gate.active) return undefined
  gate.calm = rarity.lasting * LASTING_SHARE < rowsPerAlarm ? gate.calm + 1 : 0
  if (gate.calm >= CALM_ROWS) {
    gate.active = false
    return 'ends'
  }
  if (gate.rows - gate.toldAt < TOLD_ROWS || !(rarity.rarest > gate.told * TOLD_AGAIN)) return undefined
  tell(gate, rarity)
  return 'worsens'
}

function tell(gate: Gate, { rarest }: Rarity): void {
  gate.told = rarest
  gate.toldAt = gate.rows
}

function noteOnset(gate: Gate, rarity: Rarity, time: number): void {
  if (rarity.rarest > rarity.limit) {
    gate.quiet = 0
    gate.onset ??= time
    return
  }
  gate.quiet += 1
  if (gate.quiet < REARM_ROWS) return
  if (!gate.active) gate.onset = null
  if (gate.armed) return
  gate.armed = true
  gate.worst = 0
}
