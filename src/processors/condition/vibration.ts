import type { Expression } from '../../component/expression/expression.ts'
import { numberOf } from '../../component/expression/when.ts'
import type { AlarmPriority } from '../../model/alarm.ts'
import { shown } from './message.ts'
import type { Rule, RuleAlarm } from './rule.ts'
import type { RowView } from './row.ts'

/** Velocity (RMS, 10 to 1,000 Hz, mm/s) between the zones A and B, B and C, C and D. */
export type Boundaries = readonly [ab: number, bc: number, cd: number]

/**
 * Boundaries of the zones of ISO 20816-3:2022, annex A (as in ISO 10816-3:2009, tables A.1 and A.2), measured on bearing
 * housings. Group 1: above 300 kW, or electrical machines with a shaft height of 315 mm and more; group 2: from 15 to 300 kW,
 * shaft heights from 160 mm. For other machines ISO 20816-1 wants boundaries of their own.
 */
export const ZONE_BOUNDARIES: { readonly [machine: string]: Boundaries } = {
  '1/rigid': [2.3, 4.5, 7.1],
  '1/flexible': [3.5, 7.1, 11],
  '2/rigid': [1.4, 2.8, 4.5],
  '2/flexible': [2.3, 4.5, 7.1],
}

export interface VibrationSettings {
  readonly value: Expression
  readonly boundaries: Boundaries
  /** How far it must come back before a zone is left, mm/s. */
  readonly deadband: number
  /** Priority in zone D; that of the alarm is for zone C. */
  readonly danger: AlarmPriority
}

/**
 * Severity of a machine's vibration: zone A is new, B fit for long operation, C only for a limited time, D may damage it
 * (ISO 20816-1:2016 clause 6). An alarm in zone C, of a higher priority in zone D.
 */
export function vibrationRule(
  { value, boundaries, deadband, danger }: VibrationSettings,
  alarm: RuleAlarm,
): Rule<null> {
  const [, bc, cd] = boundaries
  const exceeds = (row: RowView, limit: number, isIn: boolean) => {
    const velocity = numberOf(value, row)
    return velocity === undefined ? undefined : velocity > limit - (isIn ? deadband : 0)
  }
  return {
    tags: value.tags,
    alarms: [alarm],
    create: () => null,
    judge: (_state, row, _isNew, [isActive]) => [exceeds(row, bc, isActive === true)],
    priority: (_state, row, _alarm, now) => (exceeds(row, cd, now === danger) ? danger : alarm.priority),
    tell(_state, row) {
      const velocity = numberOf(value, row)
      const zone = zoneOf(velocity, boundaries)
      return {
        says: `${value.text} is ${shown(velocity)} mm/s (zone ${zone}), want at most ${bc} mm/s`,
        detail: { value: velocity ?? null, zone, boundaries: [...boundaries], unit: 'mm/s' },
      }
    },
    save: () => null,
    restore: () => null,
  }
}

/** The zone of a velocity. */
function zoneOf(velocity: number | undefined, [ab, bc, cd]: Boundaries): 'A' | 'B' | 'C' | 'D' | 'unknown' {
  if (velocity === undefined) return 'unknown'
  if (velocity <= ab) return 'A'
  if (velocity <= bc) return 'B'
  return velocity <= cd ? 'C' : 'D'
}
