import { defineProcessor, z } from 'millrace/plugin'

/** A processor of one's own: real power of a three-phase drive, from the voltage and the current that it reports. */
export default defineProcessor({
  summary: 'Real power of a drive in kW, from line voltage and current',
  settings: z.strictObject({ powerFactor: z.number().min(0).max(1).default(0.85).describe('cos phi of the drive') }),
  example: { powerFactor: 0.9 },
  operator: ({ powerFactor }) => ({
    create: () => null,
    take(_state, fact, context) {
      if (fact.kind !== 'reading') return
      const { values, quality } = fact.reading
      const { voltage, current } = values
      if (typeof voltage !== 'number' || typeof current !== 'number') return
      const power = (Math.sqrt(3) * voltage * current * powerFactor) / 1000
      // A power from a value that is not good is not good either.
      const worst = Math.max(quality?.['voltage'] ?? 0, quality?.['current'] ?? 0)
      context.emit({
        kind: 'reading',
        reading: {
          asset: context.key,
          sourceTime: context.time,
          receivedTime: context.received,
          values: { power },
          ...(worst === 0 ? {} : { quality: { power: worst } }),
        },
      })
    },
  }),
})
