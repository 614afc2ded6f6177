/** A rolling bearing. Diameters in any one unit. */
export interface Bearing {
  /** Rolling elements. */
  readonly balls: number
  readonly ballDiameter: number
  readonly pitchDiameter: number
  /** Contact angle in degrees; 0 for a deep groove ball bearing. */
  readonly contactAngle: number
}

/** Frequencies, in Hz, at which a fault of each part strikes. */
export interface FaultFrequencies {
  /** A point of the outer ring is rolled over. */
  readonly bpfo: number
  /** A point of the inner ring is rolled over. */
  readonly bpfi: number
  /** A ball turns about itself; a fault of it strikes twice a turn. */
  readonly bsf: number
  /** The cage goes around. */
  readonly ftf: number
}

/** Fault frequencies of a bearing whose outer ring stands still, at a speed in Hz, by its geometry, without slip. */
export function faultFrequencies(
  { balls, ballDiameter, pitchDiameter, contactAngle }: Bearing,
  speed: number,
): FaultFrequencies {
  const ratio = (ballDiameter / pitchDiameter) * Math.cos((contactAngle * Math.PI) / 180)
  return {
    bpfo: (balls / 2) * speed * (1 - ratio),
    bpfi: (balls / 2) * speed * (1 + ratio),
    bsf: (pitchDiameter / (2 * ballDiameter)) * speed * (1 - ratio * ratio),
    ftf: (speed / 2) * (1 - ratio),
  }
}
