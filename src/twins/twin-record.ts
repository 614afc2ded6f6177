import { parseValue, valueText, type ValueJson } from '../model/value-json.ts'
import { numberText } from '../model/value-text.ts'
import { textOf } from '../system/text.ts'
import { shownTime, sourceOf, type TagState, type Taken, type Twin } from './twin.ts'

/**
 * The value of a record of `<site>.twins`, whose key is the asset: JSON, so that anything that reads JSON reads it.
 *
 *     {"asset":"acme/berlin/line1/press7","revision":12,"taken":345,"receivedTime":1732287000131,"source":"line1",
 *      "tags":{"temperature":{"value":71.3,"quality":0,"sourceTime":1732287000123,"receivedTime":1732287000131,
 *      "source":"line1"}}}
 *
 * `taken` is the offset behind the last record of the telemetry's partition that it knows of, `takenDerived` (absent: 0) that
 * of the derived readings': of two, the one with more is the newer. Values that JSON has not are objects, as in the snapshot.
 */
export function encodeTwin(twin: Twin): string {
  const { path, revision, lastReceived, tags, taken } = twin
  const names = [...tags.keys()].sort()
  const texts = names.map((name) => `${JSON.stringify(name)}:${tagText(tags.get(name)!)}`)
  return `{"asset":${JSON.stringify(path)},"revision":${revision},"taken":${takenText(taken)},"receivedTime":${numberText(lastReceived)},"source":${JSON.stringify(sourceOf(twin))},"tags":{${texts.join(',')}}}`
}

function takenText({ telemetry, derived }: Taken = { telemetry: 0, derived: 0 }): string {
  return derived === 0 ? String(telemetry) : `${telemetry},"takenDerived":${derived}`
}

function tagText({ value, quality, sourceTime, serverTime, receivedTime, since, source }: TagState): string {
  const began = since === shownTime({ sourceTime, receivedTime }) ? '' : `,"since":${numberText(since)}`
  const server = serverTime === undefined ? '' : `,"serverTime":${numberText(serverTime)}`
  return `{"value":${valueText(value)},"quality":${quality},"sourceTime":${numberText(sourceTime)},"receivedTime":${numberText(receivedTime)}${server}${began},"source":${JSON.stringify(source)}}`
}

interface TwinJson {
  readonly asset: string
  readonly revision: number
  readonly taken: number
  readonly takenDerived?: number
  readonly receivedTime: number
  readonly tags: { readonly [tag: string]: TagJson }
}

interface TagJson {
  readonly value: ValueJson
  readonly quality: number
  readonly sourceTime: number
  readonly serverTime?: number
  readonly receivedTime: number
  readonly since?: number
  readonly source: string
}

/** The twin of a record, its tags never heard yet; undefined where it is none. */
export function decodeTwin(bytes: Uint8Array): Twin | undefined {
  try {
    const json = JSON.parse(textOf(bytes)) as TwinJson
    const { asset, revision, taken: telemetry, takenDerived: derived = 0, receivedTime, tags } = json
    if (typeof asset !== 'string' || ![telemetry, derived, revision].every(Number.isSafeInteger)) return undefined
    const states = Object.entries(tags).map(([name, tag]): [string, TagState] => [name, stateOf(tag)])
    return { path: asset, revision, lastReceived: receivedTime, tags: new Map(states), taken: { telemetry, derived } }
  } catch {
    return undefined
  }
}

function stateOf({ value, quality, sourceTime, serverTime, receivedTime, since, source }: TagJson): TagState {
  const began = since ?? shownTime({ sourceTime, receivedTime })
  return { value: parseValue(value), quality, sourceTime, serverTime, receivedTime, since: began, source, heardAt: 0 }
}
