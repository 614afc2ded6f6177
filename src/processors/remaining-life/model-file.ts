import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { LifeModel } from './life-model.ts'

/** What `millrace learn` writes and the config names: a model, what it is of, and what it was learned from. */
export interface ModelFile {
  readonly millrace: 'remaining-life'
  /** Of this shape. */
  readonly version: 1
  /** In the order of the model's columns. */
  readonly tags: readonly string[]
  /** Tag that counts use; null: time in hours. */
  readonly age: string | null
  readonly step: number
  readonly learned: {
    readonly units: number
    readonly rows: number
    /** Event times of the first and the last row, ISO 8601. */
    readonly from: string
    readonly to: string
  }
  readonly model: LifeModel
}

/** A model as the config has it. */
export interface NamedModel extends ModelFile {
  /** Of the file's text: two models with one digest are the same. */
  readonly digest: string
}

const list = z.array(z.number())
const forest = z.object({ base: z.number(), depth: z.int(), features: list, thresholds: list, leaves: list })

const fileSchema = z.object({
  millrace: z.literal('remaining-life'),
  version: z.literal(1),
  tags: z.array(z.string()).min(1),
  age: z.string().nullable(),
  step: z.number(),
  learned: z.object({ units: z.int(), rows: z.int(), from: z.string(), to: z.string() }),
  model: z.looseObject({
    life: z.number().positive(),
    columns: z.array(z.int()).min(1),
    rowsPerLife: z.number().positive(),
    regimes: z.looseObject({ means: list }),
    forests: z.array(forest).min(1),
    witnesses: z.object({ scores: list, ages: list, left: list }),
  }),
})

/** The model of a file's text, or what is wrong with it. */
export function readModel(text: string): NamedModel | string {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return 'Cannot read the model: it is not JSON, want file:PATH of a file that "millrace learn" has written'
  }
  const parsed = fileSchema.safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const where = issue!.path.join('.') || 'file'
    return `Cannot read the model: "${where}" is not as "millrace learn" writes it, want file:PATH of such a file`
  }
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 16)
  return { ...(json as ModelFile), digest }
}
