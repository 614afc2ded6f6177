import { jsonValue } from '../model/json-value.ts'
import { samplesOf, type Reading, type Value } from '../model/reading.ts'

/**
 * A reading as messages of the United Manufacturing Hub (its data model "_historian", v1): for each tag a topic
 * `umh/v1/<place>/_historian/<groups>/<name>`, dots of the tag's name as groups, and `{"timestamp_ms", "value"}`.
 */
export function umhLines(reading: Reading, isWanted: (tag: string, quality: number) => boolean): string[] {
  return samplesOf(reading).flatMap(({ asset, tag, value, quality, sourceTime }) => {
    if (value === null || !isWanted(tag, quality)) return []
    const topic = ['umh/v1', asset, '_historian', ...tag.split('.').filter((part) => part !== '')].join('/')
    return [JSON.stringify({ topic, payload: { timestamp_ms: Math.floor(sourceTime), value: umhValue(value) } })]
  })
}

/** Their values are numbers, texts and booleans; all else is a text of JSON. */
function umhValue(value: Value): unknown {
  const json = jsonValue(value)
  return typeof json === 'object' ? JSON.stringify(json) : json
}
