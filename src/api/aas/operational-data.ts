import { formatTime } from '../../model/rfc3339.ts'
import type { JsonValue, TagView, TwinView } from '../contract.ts'
import { dataSpecification } from './concepts.ts'
import { collection, property, range, submodel } from './element.ts'
import { idShortsOf } from './id-short.ts'
import { conceptId, submodelId } from './ids.ts'
import type { JsonObject } from './json.ts'

/** Semantic id of the submodel. */
export const OPERATIONAL_DATA = 'urn:millrace:submodel:OperationalData:1'

const ABOUT = {
  description: 'What the asset says of itself now: each value with its quality and its time',
  semanticId: OPERATIONAL_DATA,
}

/**
 * The twin as a submodel: a collection for each tag, so that a value never travels without quality and time, whichever
 * form a reader asks for. There is no template of the IDTA for it.
 */
export function operationalData(twin: TwinView): JsonObject {
  const names = idShortsOf(twin.tags.map(({ tag }) => tag))
  const elements = twin.tags.map((tag, index) => tagElement(twin.model ?? twin.path, tag, names[index]!))
  return submodel(submodelId(twin.path, 'OperationalData'), 'OperationalData', ABOUT, elements)
}

function tagElement(owner: string, tag: TagView, idShort: string): JsonObject {
  const { value, type, sourceTime, qualityName, stale, range: limits } = tag
  const meaning = { semanticId: conceptId(owner, tag.tag), embeddedDataSpecifications: [dataSpecification(tag)] }
  const came = sourceTime > 0
  const parts = [
    valueProperty('Value', type, value, meaning),
    property('Quality', 'xs:string', qualityName),
    property('SourceTime', 'xs:dateTime', came ? formatTime(sourceTime) : undefined),
    property('ReceivedTime', 'xs:dateTime', came ? formatTime(tag.receivedTime) : undefined),
    property('IsStale', 'xs:boolean', stale, { description: 'Do not take the value for the present' }),
    ...(limits === undefined ? [] : [range('Limits', ...limits)]),
  ]
  return { ...collection(idShort, parts), displayName: [{ language: 'en', text: tag.tag.slice(0, 128) }] }
}

/** A value of a tag as a property: what no type of XML Schema holds is its JSON. */
export function valueProperty(
  idShort: string,
  type: string,
  value: JsonValue,
  about: Parameters<typeof property>[3] = {},
): JsonObject {
  switch (type) {
    case 'number':
      return property(idShort, 'xs:double', typeof value === 'number' ? value : undefined, about)
    case 'boolean':
      return property(idShort, 'xs:boolean', typeof value === 'boolean' ? value : undefined, about)
    case 'int64':
      return property(idShort, 'xs:long', textOfValue(value), about)
    case 'bytes':
      return property(idShort, 'xs:base64Binary', typeof value === 'string' ? value : undefined, about)
    default:
      return property(idShort, 'xs:string', textOfValue(value), about)
  }
}

function textOfValue(value: JsonValue): string | undefined {
  if (value === null) return undefined
  return typeof value === 'string' ? value : JSON.stringify(value)
}
