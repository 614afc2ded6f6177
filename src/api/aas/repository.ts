import { HistoryError } from '../../historian/history-error.ts'
import type { TwinView } from '../contract.ts'
import type { Desk } from '../desk.ts'
import { ApiError } from '../errors.ts'
import type { HistoryPort } from '../history-port.ts'
import { badQuery } from '../query.ts'
import { conceptOf } from './concepts.ts'
import { langStrings, modelReference } from './element.ts'
import { idShortOf } from './id-short.ts'
import { assetId, pathOfShell, placeOfSubmodel, shellId, submodelId } from './ids.ts'
import { isObject, objectsOf, textOf, type JsonObject } from './json.ts'
import { nameplate, NAMEPLATE } from './nameplate.ts'
import { OPERATIONAL_DATA, operationalData } from './operational-data.ts'
import { advicesOf, PREDICTIVE_MAINTENANCE, predictiveMaintenance, type Advice } from './predictive-maintenance.ts'
import { briefSeries, TIME_SERIES, timeSeries } from './time-series.ts'

/** Assets in one go while the plant is walked. */
const LOT = 200

/** What a submodel is told by, before anybody makes it. */
export interface SubmodelHead {
  readonly idShort: string | undefined
  /** Values of the keys of its semantic id. */
  readonly meanings: readonly string[]
}

/** A way to make one submodel of an asset; `name` is the end of its id. */
interface Maker extends SubmodelHead {
  readonly name: string
  make(): JsonObject | Promise<JsonObject>
  /** The same without elements, where making them is dear. */
  readonly brief?: () => JsonObject
}

/**
 * All shells and submodels there are: one shell for each asset, made from its twin at the moment of the question, then what
 * the config has loaded. In a fixed order, which pages go by: paths, then as loaded.
 */
export class Repository {
  readonly #desk: Desk
  readonly #base: string
  readonly #signal: AbortSignal

  /**
   * @param base address of this hub as the client called it, with a slash at its end
   * @param signal ends long questions; they then answer what they have
   */
  constructor(desk: Desk, base: string, signal: AbortSignal) {
    this.#desk = desk
    this.#base = base
    this.#signal = signal
  }

  async shell(id: string): Promise<JsonObject | undefined> {
    const path = pathOfShell(id)
    const twin = path === undefined ? undefined : this.#desk.hub.twin(path)
    if (twin !== undefined) return shellOf(twin, this.#makers(twin, await this.#advices(twin.path)))
    return this.#desk.aas.shells.get(id)
  }

  async submodel(id: string): Promise<JsonObject | undefined> {
    const place = placeOfSubmodel(id)
    const twin = place === undefined ? undefined : this.#desk.hub.twin(place.path)
    if (place === undefined || twin === undefined) return this.#desk.aas.submodels.get(id)
    const isForecast = place.name.startsWith(FORECAST)
    const makers = this.#makers(twin, isForecast ? await this.#advices(twin.path) : [])
    return makers.find(({ name }) => name === place.name)?.make()
  }

  /** Shells, from the one after that of an id on. */
  async *shells(after?: string): AsyncGenerator<JsonObject> {
    const path = after === undefined ? undefined : pathOfShell(after)
    if (after === undefined || path !== undefined) {
      const advices = await this.#advicesByAsset()
      for (const twin of this.#twins(path)) yield shellOf(twin, this.#makers(twin, advices.get(twin.path) ?? []))
    }
    yield* loadedAfter(this.#desk.aas.shells, path === undefined ? after : undefined)
  }

  /**
   * Submodels that are wanted, from the one after that of an id on; each is made when it is asked for, and no other.
   * @param isBrief their elements may be missing
   */
  async *submodels(
    after: string | undefined,
    wants: (head: SubmodelHead) => boolean,
    isBrief = false,
  ): AsyncGenerator<JsonObject> {
    const made = (maker: Maker) => (isBrief && maker.brief ? maker.brief() : maker.make())
    const place = after === undefined ? undefined : placeOfSubmodel(after)
    if (after === undefined || place !== undefined) {
      const advices = await this.#advicesByAsset()
      const first = place === undefined ? undefined : this.#desk.hub.twin(place.path)
      if (place !== undefined && first !== undefined) {
        const makers = this.#makers(first, advices.get(first.path) ?? [])
        const at = makers.findIndex(({ name }) => name === place.name)
        for (const maker of at < 0 ? [] : makers.slice(at + 1)) if (wants(maker)) yield made(maker)
      }
      for (const twin of this.#twins(place?.path)) {
        for (const maker of this.#makers(twin, advices.get(twin.path) ?? [])) if (wants(maker)) yield made(maker)
      }
    }
    for (const one of loadedAfter(this.#desk.aas.submodels, place === undefined ? after : undefined))
      if (wants(headOf(one))) yield one
  }

  /**
   * What the tags of the assets of these shells mean, each once; and of what was loaded all of it, or what these submodels
   * or their elements name as their meaning.
   */
  concepts(shells: readonly JsonObject[], isAll: boolean, submodels: ReadonlySet<string>): readonly JsonObject[] {
    const found = new Map<string, JsonObject>()
    for (const shell of shells) {
      const path = pathOfShell(textOf(shell, 'id') ?? '')
      const twin = path === undefined ? undefined : this.#desk.hub.twin(path)
      for (const tag of twin?.tags ?? []) {
        const concept = conceptOf(twin!.model ?? twin!.path, tag)
        found.set(textOf(concept, 'id')!, concept)
      }
    }
    const { loaded } = this.#desk.aas
    // A file that was loaded belongs together: whoever takes a submodel of it gets all that explains it, as it is there.
    const explain = loaded.filter(
      (file) => isAll || file.submodels.some((one) => submodels.has(textOf(one, 'id') ?? '')),
    )
    return [...found.values(), ...explain.flatMap((file) => file.concepts)]
  }

  loadedSubmodels(): readonly JsonObject[] {
    return [...this.#desk.aas.submodels.values()]
  }

  *#twins(after: string | undefined): Generator<TwinView> {
    const { hub } = this.#desk
    let at = after
    for (;;) {
      const lot = hub.assets({ limit: LOT, ...(at !== undefined && { after: at }) })
      for (const { path } of lot) {
        const twin = hub.twin(path)
        if (twin !== undefined) yield twin
        if (this.#signal.aborted) return
      }
      if (lot.length < LOT) return
      at = lot.at(-1)!.path
    }
  }

  /** The submodels of an asset, in their order. */
  #makers(twin: TwinView, advices: readonly Advice[]): readonly Maker[] {
    const { path, meta } = twin
    const { history } = this.#desk
    const made = (name: string, meaning: string, make: Maker['make']): Maker => {
      return { name, idShort: name.split(':', 1)[0]!, meanings: [meaning], make }
    }
    return [
      ...(meta === undefined ? [] : [made('Nameplate', NAMEPLATE, () => nameplate(path, meta))]),
      made('OperationalData', OPERATIONAL_DATA, () => operationalData(twin)),
      ...(history === undefined
        ? []
        : [
            {
              ...made('TimeSeries', TIME_SERIES, () => this.#timeSeries(twin, history)),
              brief: () => briefSeries(path),
            },
          ]),
      ...advices.map((advice) =>
        made(`${FORECAST}${advice.key}`, PREDICTIVE_MAINTENANCE, () => predictiveMaintenance(advice)),
      ),
    ]
  }

  async #timeSeries(twin: TwinView, history: HistoryPort): Promise<JsonObject> {
    try {
      return await timeSeries(twin, history, { base: this.#base, now: this.#desk.clock.now(), signal: this.#signal })
    } catch (error) {
      if (!(error instanceof HistoryError)) throw error
      throw new ApiError(503, error.code, error.message, { 'retry-after': '1' })
    }
  }

  async #advices(path: string): Promise<readonly Advice[]> {
    // A star in the name of an asset is one in the pattern, which takes others too.
    return (await advicesOf(this.#desk.events, path, this.#signal)).filter(({ asset }) => asset === path)
  }

  async #advicesByAsset(): Promise<ReadonlyMap<string, readonly Advice[]>> {
    const advices = await advicesOf(this.#desk.events, '**', this.#signal)
    return Map.groupBy(advices, ({ asset }) => asset)
  }
}

const FORECAST = 'PredictiveMaintenance:'

function headOf(submodel: JsonObject): SubmodelHead {
  const { semanticId } = submodel
  const keys = isObject(semanticId) ? objectsOf(semanticId['keys']) : []
  return { idShort: textOf(submodel, 'idShort'), meanings: keys.flatMap((key) => textOf(key, 'value') ?? []) }
}

/** A place of a listing that this repository has never written is refused. */
function* loadedAfter(loaded: ReadonlyMap<string, JsonObject>, after: string | undefined): Generator<JsonObject> {
  if (after !== undefined && !loaded.has(after)) throw badQuery('cursor', 'nothing is at its place', 'a new first page')
  let isAfter = after === undefined
  for (const [id, one] of loaded) {
    if (isAfter) yield one
    isAfter ||= id === after
  }
}

/** The shell of an asset. Its idShort is the last part of the path; the path itself is one of its specific ids. */
function shellOf({ path, model, meta }: TwinView, makers: readonly Maker[]): JsonObject {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const serial = meta?.['serialNumber']
  const submodels = makers.map((maker) => modelReference(['Submodel', submodelId(path, maker.name)]))
  return {
    modelType: 'AssetAdministrationShell',
    id: shellId(path),
    idShort: idShortOf(name),
    displayName: langStrings(name),
    assetInformation: {
      assetKind: 'Instance',
      globalAssetId: assetId(path),
      specificAssetIds: [
        { name: 'path', value: path },
        ...(typeof serial === 'string' ? [{ name: 'serialNumber', value: serial }] : []),
      ],
      ...(model !== undefined && { assetType: model }),
    },
    submodels,
  }
}
