import type { Json } from '../../model/json-value.ts'
import type { Ends } from './ends.ts'
import { Features } from './features.ts'
import { endsOf, type LifeModel } from './life-model.ts'
import type { Prognosis } from './prognosis.ts'

/** The remaining life of a unit as those that failed before it have taught: see `learnLife`. */
export class LearnedLife implements Prognosis {
  readonly #model: LifeModel
  #features: Features

  constructor(model: LifeModel) {
    this.#model = model
    this.#features = new Features(model)
  }

  static restore(model: LifeModel, json: Json): LearnedLife {
    const life = new LearnedLife(model)
    life.#features = Features.restore(model, json)
    return life
  }

  /** One that began at an age and of which nothing else is known. */
  static begun(model: LifeModel, first: number | undefined): LearnedLife {
    const life = new LearnedLife(model)
    if (first !== undefined) life.#features.begin(first)
    return life
  }

  take(at: number, values: readonly number[]): void {
    this.#features.take(at, values)
  }

  ends(): Ends | undefined {
    if (!this.#features.hasRows()) return undefined
    return endsOf(this.#model, this.#features.vector(), this.#features.age())
  }

  age(): number {
    return this.#features.age()
  }

  maintained(): void {
    this.#features = new Features(this.#model)
  }

  save(): Json {
    return this.#features.save()
  }
}
