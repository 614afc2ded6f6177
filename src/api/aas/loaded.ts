import type { AasEnvironment } from '../../config/plant.ts'
import { textOf, type JsonObject } from './json.ts'

/** What the config has loaded beside the plant's own shells: each thing as it was written, by its id. */
export interface LoadedAas {
  /** In the order of the config. */
  readonly loaded: readonly AasEnvironment[]
  readonly shells: ReadonlyMap<string, JsonObject>
  readonly submodels: ReadonlyMap<string, JsonObject>
}

export function loadedAas(loaded: readonly AasEnvironment[]): LoadedAas {
  const byId = (all: readonly JsonObject[]) => new Map(all.map((one) => [textOf(one, 'id') ?? '', one]))
  return {
    loaded,
    shells: byId(loaded.flatMap(({ shells }) => shells)),
    submodels: byId(loaded.flatMap(({ submodels }) => submodels)),
  }
}
