import { formatTime } from '../../model/rfc3339.ts'
import type { EventView, JsonValue } from '../contract.ts'
import type { EventsPort } from '../events-port.ts'
import { collection, entity, item, listOf, property, range, submodel } from './element.ts'
import { submodelId } from './ids.ts'
import { isObject, textOf, type JsonObject } from './json.ts'

/** What a processor `remaining-life` has last said of an asset; `key` names the processor. */
export interface Advice {
  readonly asset: string
  readonly key: string
  readonly time: number
  readonly data: JsonObject
}

/** Semantic id of the submodel. */
export const PREDICTIVE_MAINTENANCE = 'https://admin-shell.io/idta/SubmodelTemplate/PredictiveMaintenance/1/0'

/** Events asked for at a time, and most advices that are looked at. */
const PAGE = 500
const MOST = 10_000

/** The newest advice of each processor for each asset that the pattern takes. */
export async function advicesOf(events: EventsPort, asset: string, signal: AbortSignal): Promise<readonly Advice[]> {
  const advices: Advice[] = []
  let after: { receivedTime: number; partition: number; offset: number } | undefined
  do {
    const query = { type: 'maintenance.advised', asset, latest: true, limit: PAGE, ...(after && { after }) }
    const page = await events.events(query, signal)
    advices.push(...page.events.flatMap((event) => adviceOf(event) ?? []))
    const last = page.events.at(-1)
    after = page.next === undefined ? undefined : last
  } while (after !== undefined && advices.length < MOST && !signal.aborted)
  return advices
}

const BASE = 'https://admin-shell.io/idta/PredictiveMaintenance/'
const about = (name: string) => ({ semanticId: `${BASE}${name}/1/0` })

/** The forecast as IDTA 02048-1-0 has it; names as they are spelt there. */
export function predictiveMaintenance({ asset, key, time, data }: Advice): JsonObject {
  const left = isObject(data['left']) ? data['left'] : {}
  const unit = textOf(data, 'unit')
  const rul = { ...about('RemainingUsefulLifetime'), description: `As of ${formatTime(time)}` }
  const parts = [
    entity('RemainingUsefulLifetime', lifetime(data, left, unit, time), rul),
    ...endOf(left, unit, time),
    range('ConfidenceInterval', numberOf(left['low']), numberOf(left['high']), {
      ...about('ConfidenceInterval'),
      description: `Holds the end with a probability of ${numberOf(left['level']) ?? 0.8}; without a maximum: later than can be said`,
    }),
    listOf('ListRULBoundaryConditions', [condition(data, unit)], about('ListRULBoundaryConditions')),
    collection('PredictionModelInformation', modelOf(key), about('PredictionModelInformation')),
    alertOf(data),
  ]
  const prediction = 'RemainingUsefulLifePrediction'
  const elements = [collection(prediction, parts, about(prediction))]
  const semanticId = PREDICTIVE_MAINTENANCE
  return submodel(submodelId(asset, `PredictiveMaintenance:${key}`), 'PredictiveMaintenance', { semanticId }, elements)
}

function lifetime(data: JsonObject, left: JsonObject, unit: string | undefined, time: number): readonly JsonObject[] {
  return [
    property('IndicationType', 'xs:string', unit === 'h' ? 'time' : unit, about('IndicationType')),
    property('DurationValue', 'xs:double', numberOf(left['median']), about('DurationValue')),
    property('EngineeringUnit', 'xs:string', unit, about('EngineeringUnit')),
    property('StartValue', 'xs:double', numberOf(data['age']), about('StartValue')),
    property('StartDateTime', 'xs:dateTime', formatTime(time), about('StartDateTime')),
    property('Description', 'xs:string', textOf(data, 'why'), about('Description')),
  ]
}

const HOUR_MS = 3_600_000

/** When its life ends; only where life is time. */
function endOf(left: JsonObject, unit: string | undefined, time: number): readonly JsonObject[] {
  const median = numberOf(left['median'])
  if (unit !== 'h' || median === undefined) return []
  const end = formatTime(time + median * HOUR_MS)
  return [property('RemainingUsfulLifeDateTime', 'xs:dateTime', end, about('RemainingUsfulLifeDateTime'))]
}

/** What a forecast holds for: the age at which it was made. */
function condition(data: JsonObject, unit: string | undefined): JsonObject {
  const parts = [
    property('ConditionName', 'xs:string', 'age', about('ConditionName')),
    property('IsBoundaryConditionUsedInModel', 'xs:boolean', true, about('IsBoundaryConditionUsedInModel')),
    property('BoundaryValueRange', 'xs:double', numberOf(data['age']), about('BoundaryValueRange')),
    property('BoundaryEngineeringUnit', 'xs:string', unit, about('BoundaryEngineeringUnit')),
    property(
      'BoundaryDescription',
      'xs:string',
      'Use since it was new or maintained, when the forecast was made',
      about('BoundaryDescription'),
    ),
  ]
  return item(parts, about('RULCondition'))
}

function modelOf(key: string): readonly JsonObject[] {
  return [
    property('ModelType', 'xs:string', `${BASE}ModelTypeDataDriven/1/0`, about('ModelType')),
    property('ModelDescription', 'xs:string', `Processor "${key}" of kind remaining-life`, about('ModelDescription')),
  ]
}

function alertOf(data: JsonObject): JsonObject {
  const message = property('AlertMessage', 'xs:string', textOf(data, 'why'), about('AlertMessage'))
  const isDue = textOf(data, 'action') === 'now'
  const required = property('MaintenanceRequired', 'xs:boolean', isDue, about('MaintenanceRequired'))
  const alert = 'AlertAfterExceedingRemainingUsableLife'
  return collection(alert, [message, required], about(alert))
}

function adviceOf({ asset, time, data }: EventView): Advice | undefined {
  if (!isObject(data)) return undefined
  const key = textOf(data, 'key')
  // What was taken back, after maintenance for example, foretells nothing.
  return key === undefined || !isObject(data['left']) ? undefined : { asset, key, time, data }
}

function numberOf(value: JsonValue | undefined): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}
