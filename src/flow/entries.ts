import type { ViewEntry } from '../component/view.ts'
import type { StoredRecord } from '../log/log.ts'
import type { Catalogue } from '../model/catalogue.ts'
import { decodeRecord } from '../model/record.ts'
import type { System } from '../system/system.ts'
import { textOf } from '../system/text.ts'

export interface EntryDecoderOptions {
  readonly catalogue: Catalogue
  readonly system: Pick<System, 'logger' | 'metrics'>
}

/** Makes entries for a view of the records of a log; a record that cannot be decoded harms only itself. */
export class EntryDecoder {
  readonly #view: string
  readonly #options: EntryDecoderOptions
  /** The source named last. */
  #source: { readonly bytes: Uint8Array | undefined; readonly text: string } = { bytes: undefined, text: '' }

  constructor(view: string, options: EntryDecoderOptions) {
    this.#view = view
    this.#options = options
  }

  decode(topic: string, partition: number, records: readonly StoredRecord[]): ViewEntry[] {
    const { catalogue, system } = this.#options
    const entries: ViewEntry[] = []
    for (const { offset, value, headers } of records) {
      if (value === null) continue
      try {
        entries.push({ offset, source: this.#sourceOf(headers), reading: decodeRecord(value, catalogue) })
      } catch (error) {
        const help = 'Records that a view could not decode and passed over'
        system.metrics.counter('millrace_undecodable_total', help, { view: this.#view }).add()
        system.logger.warn('Cannot decode a record; it is passed over', { topic, partition, offset, error })
      }
    }
    return entries
  }

  /** Records of one source share the bytes of its name (`decodeRecords`), so its text is made once. */
  #sourceOf(headers: StoredRecord['headers']): string {
    for (const [name, value] of headers) {
      if (name !== 'source') continue
      if (value !== this.#source.bytes) this.#source = { bytes: value, text: textOf(value) }
      return this.#source.text
    }
    return ''
  }
}
