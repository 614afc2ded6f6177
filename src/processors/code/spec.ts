import { isAbsolute, join } from 'node:path'
import { z } from 'zod'
import { ELSEWHERE } from '../../component/cage.ts'
import { durationField } from '../../component/fields.ts'
import type { ProcessorSpec } from '../../component/processor.ts'
import type { Json } from '../../model/json-value.ts'

const patterns = z
  .union([
    z
      .string()
      .min(1)
      .transform((one) => [one]),
    z.array(z.string().min(1)).min(1),
  ])
  .describe('Patterns of assets, below the site: press-shop/**')

const codeSchema = z.strictObject({
  file: z
    .string()
    .min(1)
    .describe('The module, beside the config file; its default export is defineProcessor({ ... })'),
  on: patterns.optional(),
  topics: z
    .array(z.enum(['telemetry', 'derived', 'events', 'alarms']))
    .min(1)
    .default(['telemetry'])
    .describe('Kinds of topics that it takes'),
  settings: z.json().default({}).describe('What the module wants to know; checked by its own schema'),
  timeout: durationField
    .prefault('5s')
    .describe('Longest that it may work on 500 facts; then it is ended and begins again'),
  memory: z.number().int().min(16).max(8192).default(128).describe('Most memory of its heap, MB'),
})

/** Somebody's own code, in a process of its own. */
export const codeSpec: ProcessorSpec<z.output<typeof codeSchema>> = {
  kind: 'code',
  summary: 'Runs a processor of your own, written in TypeScript, caged in a process with bounds on time and memory',
  config: codeSchema,
  example: `processors:
  power:
    code: { file: power.ts, on: "press-shop/**", settings: { factor: 1.732 } }
`,
  topology({ file, on, topics, settings }, { name }) {
    const from = topics.map((topic) => ({ topic, ...(on && { on }) }))
    const step = { name: 'code', does: 'code', with: { file, settings: settings as Json }, operator: ELSEWHERE }
    return { name, stages: [{ name: 'code', from, steps: [step] }] }
  },
  cage: ({ file, settings, timeout, memory }, { directory }) => ({
    file: isAbsolute(file) ? file : join(directory, file),
    settings,
    timeoutMs: timeout,
    memoryMb: memory,
  }),
}
