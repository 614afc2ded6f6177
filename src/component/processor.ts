import type { z } from 'zod'
import type { Cage } from './cage.ts'
import type { TagDefinition } from '../model/definition.ts'
import type { Json } from '../model/json-value.ts'
import type { Fact, Topology } from './topology.ts'

/** What a processor is given when its topology is made. */
export interface ProcessorContext {
  /** Its name in the config. */
  readonly name: string
  /** `acme/berlin`: paths in the config are below it. */
  readonly site: string
}

/** Where a cage is made for. */
export interface CagePlace {
  /** The processor's name in the config. */
  readonly name: string
  /** That of the config file. */
  readonly directory: string
}

/** What the models of the config say of machines. */
export interface DeclaredTags {
  /**
   * Tags of the machines that patterns below the site take, by model; nothing where one of them has no model, or none is
   * declared: it may have any tag then.
   */
  tagsOf(on: readonly string[]): readonly ReadonlyMap<string, TagDefinition>[]
}

/** Something in a config that cannot be right beside the rest of the file. */
export interface ConfigFault {
  /** Where, from the processor's own config on. */
  readonly path: readonly (string | number)[]
  /** A whole sentence, with what was probably meant. */
  readonly message: string
}

/**
 * A kind of processor: everything about it in one object. `C` is the type of its checked config. What it derives goes to the
 * log: readings to `derived`, events to `events`, alarms to `alarms`, each naming its cause.
 */
export interface ProcessorSpec<C = unknown> {
  /** The key in the config: `condition`, `oee`. */
  readonly kind: string
  /** One sentence for `--help` and the reference page. */
  readonly summary: string
  /** Type, defaults, validation and description of every field. */
  readonly config: z.ZodType<C>
  /** A `processors:` block that works, as YAML; shown in the docs, checked by a test. */
  readonly example: string
  /** What it does; pure, so that it can be printed and compared before anything runs. */
  topology(config: C, context: ProcessorContext): Topology
  /** What is wrong with a checked config beside the models of the plant; pure. Absent: it names none of their tags. */
  check?(config: C, declared: DeclaredTags): readonly ConfigFault[]
  /**
   * Whose code it runs where that is not ours; then its operators are not called here. Absent or undefined: it is part of the
   * program.
   * @throws Error where it is not there
   */
  cage?(config: C, place: CagePlace): Cage | undefined
  /** What those may rely on who read its product; it is published to `contracts`. Absent: it has none. */
  contract?(config: C, context: ProcessorContext): Json
  /** Learns from the past of a plant what its config then names as a file (`millrace learn`). Absent: it learns nothing so. */
  learner?(config: C): Learner
  /** Users of the log that its product is for; they may read products, and nothing else. Absent: none. */
  readers?(config: C): readonly string[]
}

/** Makes something that a processor is to know out of the past of a plant. Deterministic, and bounded in memory. */
export interface Learner {
  /**
   * Takes the next fact of what the processor's first stage takes, of each asset in the order in which they were received.
   * `time`: event time, as a step would be given it.
   * @throws Error where there is more than it can hold
   */
  take(fact: Fact, time: number): void
  /** Called once, after the last fact. @throws Error that says what there is too little of */
  learned(): Learned
}

export interface Learned {
  /** What the file holds. */
  readonly file: Json
  /** What it was learned from, and what came of it, for people. */
  readonly said: { readonly [name: string]: Json }
}
