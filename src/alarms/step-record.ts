import type { NewRecord } from '../log/log.ts'
import { encodeAlarm } from '../model/alarm-record.ts'
import type { AlarmTransition } from '../model/alarm.ts'

/** The record of a step that no processor has told: of a person, or of the hub with what led to it. */
export function stepRecord(step: AlarmTransition, receivedTime: number, cause?: string): NewRecord {
  return {
    key: step.asset,
    value: encodeAlarm(step),
    headers: [
      ['content-type', 'application/json'],
      ...(step.by === undefined ? [] : [['by', step.by] as const]),
      ...(cause === undefined ? [] : [['cause', cause] as const]),
    ],
    timestamp: Math.floor(receivedTime),
  }
}
