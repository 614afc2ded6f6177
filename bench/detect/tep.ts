/** The fault is switched on after so many rows of a test file (Chiang, Russell and Braatz 2001). */
const TEP_FAULT_ROW = 160

export interface TepScore {
  /** Share of the rows after the fault that are not flagged. */
  readonly missedRate: number
  /** Share of the rows before it that are. */
  readonly falseAlarmRate: number
  /** Rows until the first flag after the fault; null: never. */
  readonly delay: number | null
}

/** Scores the flags of a file with a fault. */
export function scoreTepFault(flags: readonly boolean[], faultRow = TEP_FAULT_ROW): TepScore {
  const faulty = flags.slice(faultRow)
  const delay = faulty.indexOf(true)
  return {
    missedRate: shareOf(faulty, false),
    falseAlarmRate: shareOf(flags.slice(0, faultRow), true),
    delay: delay === -1 ? null : delay,
  }
}

/** Share of the flags that are `which`. */
export function shareOf(flags: readonly boolean[], which: boolean): number {
  return flags.filter((flag) => flag === which).length / flags.length
}
