import type { CommandEntry } from '../commands/commands.ts'
import type { StoredRecord } from '../log/log.ts'
import { decodeCommandEvent } from '../model/command-record.ts'
import type { System } from '../system/system.ts'

/** Makes entries of the records of the topic `commands`; a record that cannot be decoded harms only itself. */
export class CommandDecoder {
  readonly #system: Pick<System, 'logger' | 'metrics'>

  constructor(system: Pick<System, 'logger' | 'metrics'>) {
    this.#system = system
  }

  decode(topic: string, partition: number, records: readonly StoredRecord[]): CommandEntry[] {
    return records.flatMap(({ offset, value }) => {
      if (value === null) return []
      try {
        return [{ offset, event: decodeCommandEvent(value) }]
      } catch (error) {
        const help = 'Records that a view could not decode and passed over'
        this.#system.metrics.counter('millrace_undecodable_total', help, { view: 'commands' }).add()
        this.#system.logger.warn('Cannot decode a record; it is passed over', { topic, partition, offset, error })
        return []
      }
    })
  }
}
