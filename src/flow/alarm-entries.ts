import type { StoredRecord } from '../log/log.ts'
import { decodeAlarm } from '../model/alarm-record.ts'
import type { AlarmTransition } from '../model/alarm.ts'
import type { System } from '../system/system.ts'
import { CAUSE_HEADER, headerText } from './topology/facts.ts'

/** A record of the topic `alarms`, as the view of them takes it. */
interface AlarmEntry {
  readonly offset: number
  readonly transition: AlarmTransition
  /** '': the record names none. */
  readonly cause: string
  readonly receivedTime: number
}

/** Makes entries of the records of the topic `alarms`; a record that cannot be decoded harms only itself. */
export class AlarmDecoder {
  readonly #system: Pick<System, 'logger' | 'metrics'>

  constructor(system: Pick<System, 'logger' | 'metrics'>) {
    this.#system = system
  }

  decode(topic: string, partition: number, records: readonly StoredRecord[]): AlarmEntry[] {
    return records.flatMap(({ offset, value, headers, timestamp }) => {
      if (value === null) return []
      try {
        const cause = headerText(headers, CAUSE_HEADER)
        return [{ offset, transition: decodeAlarm(value), cause, receivedTime: timestamp }]
      } catch (error) {
        const help = 'Records that a view could not decode and passed over'
        this.#system.metrics.counter('millrace_undecodable_total', help, { view: 'alarms' }).add()
        this.#system.logger.warn('Cannot decode a record; it is passed over', { topic, partition, offset, error })
        return []
      }
    })
  }
}
