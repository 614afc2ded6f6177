import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { submodelId } from '../../src/api/aas/ids.ts'
import { childrenOf } from '../../src/api/aas/id-short-path.ts'
import { objectsOf, textOf, type JsonObject } from '../../src/api/aas/json.ts'
import { systemClock } from '../../src/system/clock.ts'
import { until } from '../until.ts'
import { aasHub, encodedId, PRESSES } from './hub.ts'

const PRESS1 = 'acme/berlin/press-shop/line1/press1'
const headers = { 'content-type': 'application/json' }

/** The submodel of press 1, whole and as values, once `isThere` says so. */
async function submodelOf(door: string, name: string, isThere: (values: Values) => boolean = () => true) {
  const at = `${door}/submodels/${encodedId(submodelId(PRESS1, name))}`
  let values = {} as Values
  const look = async () => isThere((values = (await (await fetch(`${at}/$value`)).json()) as Values))
  await until(look, { everyMs: 50, found: () => values })
  return { values, whole: (await (await fetch(at)).json()) as JsonObject }
}

type Values = { readonly [name: string]: never } & { readonly messages?: unknown }

test('the history of an asset is a time series: what came last in it, all else linked', async (t) => {
  const { page, door } = await aasHub(t, PRESSES)
  const now = Math.floor(systemClock.now() / 1000) * 1000
  const readings = [1, 2, 3].map((second) => ({
    ts: now - 10_000 + second * 1000,
    values: {
      temperature: second === 2 ? 500 : 70 + second,
      ...(second === 3 && { state: 'Execute', cycles: 12 }),
    },
  }))
  await fetch(`${page}/api/v1/ingest/press-shop/line1/press1`, {
    method: 'POST',
    headers,
    body: JSON.stringify(readings),
  })
  const has = ({ Segments }: Values) =>
    (Segments as { InternalSegment?: { RecordCount: number } } | undefined)?.InternalSegment?.RecordCount === 3
  const { values, whole } = await submodelOf(door, 'TimeSeries', has)
  const time = (second: number) => new Date(now - 10_000 + second * 1000).toISOString()
  const { InternalSegment, LinkedSegment } = values['Segments'] as unknown as {
    [name: string]: { [name: string]: unknown }
  }
  assert.deepEqual(InternalSegment!['Records'], {
    Record1: { Time: time(1), temperature: 71 },
    // Beyond the range of the model: it is not told as if it were good.
    Record2: { Time: time(2), temperature: 500, temperature_Quality: 'UncertainEngineeringUnitsExceeded' },
    Record3: { Time: time(3), temperature: 73, state: 'Execute', cycles: 12 },
  })
  assert.deepEqual([InternalSegment!['StartTime'], InternalSegment!['EndTime']], [time(1), time(3)])
  // A listing of metadata asks history for nothing, and says the same.
  const { submodelElements: _, ...metadata } = whole
  const listed = (await (await fetch(`${door}/submodels/$metadata?idShort=TimeSeries&limit=1`)).json()) as {
    result: JsonObject[]
  }
  assert.deepEqual(listed.result, [metadata])
  // What is linked is there.
  const { Endpoint } = LinkedSegment as { Endpoint: string }
  const linked = (await (await fetch(`${Endpoint}?from=${now - 60_000}&to=${now}`)).json()) as {
    series: { tag: string; samples: unknown[] }[]
  }
  assert.equal(linked.series.find(({ tag }) => tag === 'temperature')!.samples.length, 3)
  assertFits(whole, 'IDTA-02008-1-1-1_TimeSeriesData.json', [])
})

test('what a processor foretells is a submodel, until it is taken back', async (t) => {
  const { page, door } = await aasHub(t, PRESSES)
  const at = '2026-01-31T08:00:00.000Z'
  const advise = async (data: object) => {
    const event = {
      type: 'maintenance.advised',
      asset: 'press-shop/line1/press1',
      time: at,
      data: { key: 'bearings', ...data },
    }
    const answer = await fetch(`${page}/api/v1/events`, { method: 'POST', headers, body: JSON.stringify(event) })
    assert.equal(answer.status, 200, await answer.text())
  }
  const left = { median: 40, low: 20, high: null, level: 0.8 }
  await advise({ action: 'now', why: 'it fails soon', unit: 'h', age: 900, until: 0, horizon: 100, left })
  const name = 'PredictiveMaintenance:bearings'
  const { values, whole } = await submodelOf(door, name, ({ messages }) => messages === undefined)
  assert.deepEqual(values['RemainingUsefulLifePrediction'], {
    RemainingUsefulLifetime: {
      statements: {
        IndicationType: 'time',
        DurationValue: 40,
        EngineeringUnit: 'h',
        StartValue: 900,
        StartDateTime: at,
        Description: 'it fails soon',
      },
      entityType: 'CoManagedEntity',
    },
    RemainingUsfulLifeDateTime: '2026-02-02T00:00:00.000Z',
    ConfidenceInterval: { min: 20 },
    ListRULBoundaryConditions: [
      {
        ConditionName: 'age',
        IsBoundaryConditionUsedInModel: true,
        BoundaryValueRange: 900,
        BoundaryEngineeringUnit: 'h',
        BoundaryDescription: 'Use since it was new or maintained, when the forecast was made',
      },
    ],
    PredictionModelInformation: {
      ModelType: 'https://admin-shell.io/idta/PredictiveMaintenance/ModelTypeDataDriven/1/0',
      ModelDescription: 'Processor "bearings" of kind remaining-life',
    },
    AlertAfterExceedingRemainingUsableLife: { AlertMessage: 'it fails soon', MaintenanceRequired: true },
  })
  assertFits(whole, 'IDTA-02048_PredictiveMaintenance.json', [])
  await advise({ action: 'none', why: 'maintenance is done' })
  await submodelOf(door, name, ({ messages }) => messages !== undefined)
})

test('meta data is a nameplate: what is known, and nothing that is not', async (t) => {
  const { door } = await aasHub(t, PRESSES)
  const { values, whole } = await submodelOf(door, 'Nameplate')
  assert.deepEqual(values, {
    URIOfTheProduct: `urn:millrace:asset:${PRESS1}`,
    ManufacturerName: [{ en: 'Muster AG' }],
    ManufacturerProductDesignation: [{ en: 'Press 400' }],
    SerialNumber: '4711',
    AssetSpecificProperties: { hall: '7' },
  })
  assertFits(whole, 'IDTA-02006-3-0-1_DigitalNameplate.json', ['AddressInformation', 'OrderCodeOfManufacturer'])
})

const SHARED = fileURLToPath(new URL('../../../shared/data/aas/', import.meta.url))

/** Holds a submodel against its template, where that is here: what has to be there, and what each element is. `unknown`: what no plant says. */
function assertFits(submodel: JsonObject, file: string, unknown: readonly string[]): void {
  if (!existsSync(SHARED + file)) return
  const [template] = objectsOf((JSON.parse(readFileSync(SHARED + file, 'utf8')) as JsonObject)['submodels'])
  const faults: string[] = []
  fit(submodel, template!, '', faults)
  assert.deepEqual(
    faults,
    unknown.map((name) => `${name} is missing`),
  )
}

function fit(actual: JsonObject, template: JsonObject, path: string, faults: string[]): void {
  const own = childrenOf(actual)
  for (const wanted of childrenOf(template)) {
    const at = `${path}${textOf(wanted, 'idShort') ?? '[]'}`
    const found = own.filter(
      (one) => meaning(one) === meaning(wanted) || (at.endsWith('Time') && one['idShort'] === 'Time'),
    )
    if (found.length === 0 && isNeeded(wanted)) faults.push(`${at} is missing`)
    for (const one of found) {
      for (const name of ['modelType', 'typeValueListElement'])
        if (one[name] !== wanted[name])
          faults.push(`${at}: ${name} is ${textOf(one, name)}, want ${textOf(wanted, name)}`)
      if (one['valueType'] !== wanted['valueType'] && !at.endsWith('Time')) faults.push(`${at}: another value type`)
      fit(one, wanted, `${at}.`, faults)
    }
  }
}

function meaning(element: JsonObject): string | undefined {
  const reference = element['semanticId'] as JsonObject | undefined
  return reference && textOf(objectsOf(reference['keys'])[0]!, 'value')
}

/** Its cardinality says that it is always there. */
function isNeeded(template: JsonObject): boolean {
  return objectsOf(template['qualifiers']).some(({ value }) => value === 'One' || value === 'OneToMany')
}
