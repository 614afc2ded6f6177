import { z } from 'zod'
import { durationField } from '../../component/fields.ts'

const checkpointField = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,40}$/, 'want letters, digits, "_", "-"')
      .describe('Names its tags and is named by its alarms'),
    at: z.string().min(1).describe('Asset where parts are seen, below the site'),
    ahead: z.number().min(0).describe('How many takts before the place of fitting; 0 is that place'),
    tag: z
      .string()
      .min(1)
      .optional()
      .describe('Tag that holds the order that was seen last, as a text (RFID, scanner)'),
    event: z.string().min(1).default('sequence.seen').describe('Type of the events that say what was seen'),
    low: z.number().int().min(1).optional().describe('Fewest parts between here and the next checkpoint'),
  })
  .describe('A place where parts are seen on their way to the line')

export const sequenceSchema = z
  .strictObject({
    line: z
      .string()
      .min(1)
      .describe('Asset of the line, below the site: plans name it, and alarms and tags are its own'),
    takt: durationField.describe('Time from one car to the next'),
    checkpoints: z.array(checkpointField).min(1).max(20).describe('In the order of the way, the place of fitting last'),
    swapWithin: z
      .number()
      .int()
      .min(1)
      .default(3)
      .describe('A part this many positions late is swapped, further it is late'),
    tolerance: durationField.prefault('2m').describe('How late a part may be at a checkpoint'),
    high: durationField.prefault('15m').describe('Time to the line at which an alarm becomes high'),
    critical: durationField.prefault('5m').describe('Time to the line at which an alarm becomes critical'),
  })
  .superRefine((config, context) => {
    const { checkpoints, takt, high, critical } = config
    const say = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message })
    if (takt < 1000) say(['takt'], 'Cannot use this takt: want at least 1s')
    if (critical > high) say(['critical'], 'Cannot be critical before it is high: want at most "high"')
    checkpoints.forEach(({ name, ahead }, index) => {
      const before = checkpoints[index - 1]
      if (before !== undefined && ahead >= before.ahead) {
        say(['checkpoints', index, 'ahead'], `Cannot go from ${before.ahead} takts ahead to ${ahead}: want less`)
      }
      if (checkpoints.findIndex((other) => other.name === name) !== index) {
        say(['checkpoints', index, 'name'], `Cannot have checkpoint "${name}" twice: want one of each name`)
      }
    })
  })

export type SequenceConfig = z.output<typeof sequenceSchema>
