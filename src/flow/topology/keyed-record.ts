import type { Keyed } from '../../component/topology.ts'
import type { StoredRecord } from '../../log/log.ts'
import { ModelError } from '../../model/errors.ts'
import type { Json } from '../../model/json-value.ts'
import { jsonOf } from '../../system/json-bytes.ts'
import { textOf } from '../../system/text.ts'

/** A fact under a key of its own, as the value of its record; the key is that key, the timestamp its received time. */
export function encodeKeyed({ time, receivedTime, data }: Keyed): string {
  return JSON.stringify({ time, receivedTime, data })
}

/** @throws ModelError `BAD_RECORD` where the record is none of a processor's. */
export function decodeKeyed({ key, value }: Pick<StoredRecord, 'key' | 'value'>): Keyed {
  const parsed = jsonOf(value) as { readonly [name in keyof Keyed]?: Json } | undefined
  if (key === null || typeof parsed?.time !== 'number' || typeof parsed.receivedTime !== 'number') {
    throw new ModelError(
      'BAD_RECORD',
      'Cannot decode keyed fact: it has no key or no times, want what a processor wrote',
    )
  }
  const { time, receivedTime, data = null } = parsed
  return { kind: 'keyed', key: textOf(key), time, receivedTime, data }
}
