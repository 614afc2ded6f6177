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
import { textOf, type JsonObject } from './json.ts'
import { nameplate } from './nameplate.ts'
import { operationalData } from './operational-data.ts'
import { advicesOf, predictiveMaintenance, type Advice } from './predictive-maintenance.ts'
import { timeSeries } from './time-series.ts'

/** Assets in one go while the plant is walked. */
const LOT = 200

/** A way to make one submodel of an asset; `name` is the end of its id. */
interface Maker {
  readonly name: string
  make(): JsonObject | Promise<JsonObject>
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

  /** Submodels, from the one after that of an id on; each is made when it is asked for. */
  async *submodels(after?: string): AsyncGenerator<JsonObject> {
    const place = after === undefined ? undefined : placeOfSubmodel(after)
    if (after === undefined || place !== undefined) {
      const advices = await this.#advicesByAsset()
      const first = place === undefined ? undefined : this.#desk.hub.twin(place.path)
      if (place !== undefined && first !== undefined) {
        const makers = this.#makers(first, advices.get(first.path) ?? [])
        const at = makers.findIndex(({ name }) => name === place.name)
        for (const maker of at < 0 ? [] : makers.slice(at + 1)) yield maker.make()
      }
      for (const twin of this.#twins(place?.path)) {
        for (const maker of this.#makers(twin, advices.get(twin.path) ?? [])) yield maker.make()
      }
    }
    yield* loadedAfter(this.#desk.aas.submodels, place === undefined ? after : undefined)
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
    return [
      ...(meta === undefined ? [] : [{ name: 'Nameplate', make: () => nameplate(path, meta) }]),
      { name: 'OperationalData', make: () => operationalData(twin) },
      ...(history === undefined ? [] : [{ name: 'TimeSeries', make: () => this.#timeSeries(twin, history) }]),
      ...advices.map((advice) => ({ name: `${FORECAST}${advice.key}`, make: () => predictiveMaintenance(advice) })),
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
