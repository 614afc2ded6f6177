import type { JsonValue, TagView } from '../contract.ts'
import { externalReference, langStrings } from './element.ts'
import { idShortOf } from './id-short.ts'
import { conceptId } from './ids.ts'
import type { JsonObject } from './json.ts'

/** The name of the data specification that IDTA-01003-a-3-0 (IEC 61360) gives itself. */
const IEC61360 = 'https://admin-shell.io/DataSpecificationTemplates/DataSpecificationIec61360/3'

/** The system that our units are codes of. */
const UCUM = 'http://unitsofmeasure.org'

/** What a tag measures, and in which unit: for whoever knows nothing of Millrace. */
export function dataSpecification({ tag, type, unit }: TagView): JsonObject {
  const dataSpecificationContent: { readonly [name: string]: JsonValue } = {
    modelType: 'DataSpecificationIec61360',
    preferredName: langStrings(tag.slice(0, 255)),
    ...(unit !== undefined && { unit, unitId: externalReference(`${UCUM}#${encodeURIComponent(unit)}`) }),
    ...(unit !== undefined && { sourceOfDefinition: 'UCUM' }),
    dataType: dataTypeOf(type, unit),
    definition: langStrings(unit === undefined ? `Tag "${tag}" of a machine` : `Tag "${tag}" of a machine, in ${unit}`),
  }
  return { dataSpecification: externalReference(IEC61360), dataSpecificationContent }
}

/** The definition of a tag as a concept description; `owner`: the model that all its assets share, or the asset itself. */
export function conceptOf(owner: string, tag: TagView): JsonObject {
  return {
    modelType: 'ConceptDescription',
    id: conceptId(owner, tag.tag),
    idShort: idShortOf(tag.tag),
    embeddedDataSpecifications: [dataSpecification(tag)],
  }
}

/** Types of IDTA-01003-a-3-0; a measure has a unit (AASc-3a-009). */
function dataTypeOf(type: string, unit: string | undefined): string {
  const kind = unit === undefined ? 'COUNT' : 'MEASURE'
  if (type === 'number') return `REAL_${kind}`
  if (type === 'int64') return `INTEGER_${kind}`
  return type === 'boolean' ? 'BOOLEAN' : 'STRING'
}
