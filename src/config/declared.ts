import type { DeclaredTags } from '../component/processor.ts'
import type { TagDefinition } from '../model/definition.ts'
import { pathMatcher } from '../model/path-pattern.ts'
import type { ConfigDocument } from './document.ts'
import type { Plant } from './plant.ts'
import type { Problem } from './problem.ts'

/** Lets every processor look at its config beside the models of the plant: a name that no machine has is told before anything runs. */
export function checkProcessors(document: ConfigDocument, plant: Plant, problems: Problem[]): void {
  const declared: DeclaredTags = { tagsOf: (on) => tagsOf(plant, on) }
  for (const { name, spec, config } of plant.processors) {
    for (const { path, message } of spec.check?.(config, declared) ?? [])
      problems.push(document.problem(['processors', name, spec.kind, ...path], message))
  }
}

/** The tags of each model among the assets that patterns take; none where one of them has no model, so may have any tag. */
function tagsOf({ site, assets, models }: Plant, on: readonly string[]): ReadonlyMap<string, TagDefinition>[] {
  const matchers = on.map((pattern) => pathMatcher(site, pattern))
  const taken = [...assets].filter(([path]) => matchers.some((matches) => matches(path))).map(([, model]) => model)
  const all = [...new Set(taken)].map((model) => models.get(model)?.tags)
  return all.includes(undefined) ? [] : all.filter((tags) => tags !== undefined)
}
