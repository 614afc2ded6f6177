import type { JsonValue } from '../contract.ts'
import { collection, multiLanguage, property, submodel } from './element.ts'
import { idShortsOf } from './id-short.ts'
import { assetId, submodelId } from './ids.ts'
import type { JsonObject } from './json.ts'

/** Semantic id of the submodel. */
export const NAMEPLATE = 'https://admin-shell.io/idta/nameplate/3/0/Nameplate'

type Meta = { readonly [name: string]: JsonValue }

/** The elements of IDTA 02006-3-0 that meta data can fill: names in `meta`, idShort, semantic id, type. */
const PARTS: readonly (readonly [
  names: readonly string[],
  idShort: string,
  semanticId: string,
  type: 'text' | 'string' | 'date',
])[] = [
  [['manufacturerName', 'manufacturer'], 'ManufacturerName', '0112/2///61987#ABA565#009', 'text'],
  [
    ['manufacturerProductDesignation', 'productDesignation', 'product'],
    'ManufacturerProductDesignation',
    '0112/2///61987#ABA567#009',
    'text',
  ],
  [['manufacturerProductRoot', 'productRoot'], 'ManufacturerProductRoot', '0112/2///61360_7#AAS011#001', 'text'],
  [['manufacturerProductFamily', 'productFamily'], 'ManufacturerProductFamily', '0112/2///61987#ABP464#002', 'text'],
  [
    ['manufacturerProductType', 'productType', 'type'],
    'ManufacturerProductType',
    '0112/2///61987#ABA300#008',
    'string',
  ],
  [['orderCodeOfManufacturer', 'orderCode'], 'OrderCodeOfManufacturer', '0112/2///61987#ABA950#008', 'string'],
  [
    ['productArticleNumberOfManufacturer', 'articleNumber'],
    'ProductArticleNumberOfManufacturer',
    '0112/2///61987#ABA581#007',
    'string',
  ],
  [['serialNumber'], 'SerialNumber', '0112/2///61987#ABA951#009', 'string'],
  [['yearOfConstruction'], 'YearOfConstruction', '0112/2///61987#ABP000#002', 'string'],
  [['dateOfManufacture'], 'DateOfManufacture', '0112/2///61987#ABB757#007', 'date'],
  [['hardwareVersion'], 'HardwareVersion', '0112/2///61987#ABA926#008', 'string'],
  [['firmwareVersion'], 'FirmwareVersion', '0112/2///61987#ABA302#006', 'string'],
  [['softwareVersion'], 'SoftwareVersion', '0112/2///61987#ABA601#008', 'string'],
  [['countryOfOrigin'], 'CountryOfOrigin', '0112/2///61987#ABP462#001', 'string'],
  [
    ['uniqueFacilityIdentifier'],
    'UniqueFacilityIdentifier',
    'https://admin-shell.io/idta/nameplate/3/0/UniqueFacilityIdentifier',
    'string',
  ],
]

/**
 * The Digital Nameplate (IDTA 02006-3-0) of what the config says of an asset under `meta`. Only what is known is there: a
 * plant that has not written down the maker's address has a nameplate without one. What the template has no place for is
 * among the asset's own properties.
 */
export function nameplate(path: string, meta: Meta): JsonObject {
  const uri = meta['uriOfTheProduct']
  const known = PARTS.flatMap(([names, idShort, semanticId, type]) => {
    const name = names.find((one) => meta[one] !== undefined && meta[one] !== null)
    return name === undefined ? [] : [{ name, element: part(idShort, semanticId, type, textOf(meta[name]!)) }]
  })
  const used = new Set(['uriOfTheProduct', ...known.map(({ name }) => name)])
  const others = Object.entries(meta).filter(([name]) => !used.has(name))
  return submodel(submodelId(path, 'Nameplate'), 'Nameplate', { semanticId: NAMEPLATE }, [
    property('URIOfTheProduct', 'xs:anyURI', typeof uri === 'string' ? uri : assetId(path), {
      semanticId: '0112/2///61987#ABN590#002',
    }),
    ...known.map(({ element }) => element),
    ...(others.length === 0 ? [] : [ownProperties(others)]),
  ])
}

function part(idShort: string, semanticId: string, type: 'text' | 'string' | 'date', text: string): JsonObject {
  if (type === 'text') return multiLanguage(idShort, text, { semanticId })
  const isDate = type === 'date' && /^\d{4}-\d{2}-\d{2}$/.test(text)
  return property(idShort, isDate ? 'xs:date' : 'xs:string', text, { semanticId })
}

function ownProperties(meta: readonly (readonly [name: string, value: JsonValue])[]): JsonObject {
  const names = idShortsOf(meta.map(([name]) => name))
  const semanticId = 'https://admin-shell.io/SMT/General/ArbitraryProp'
  const elements = meta.map(([, value], index) => property(names[index]!, 'xs:string', textOf(value), { semanticId }))
  return collection('AssetSpecificProperties', elements, {
    semanticId: '0173-1#02-ABI218#003/0173-1#01-AGZ672#004',
  })
}

function textOf(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
