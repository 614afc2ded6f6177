import { z } from 'zod'
import { pathPattern } from '../../model/path-pattern.ts'
import { segmentFault } from '../../model/path.ts'

/** Whether a path below the site is meant. */
export type AssetPattern = (path: string) => boolean

/**
 * The config field `assets`: which paths below the site may be written. `*` is one whole segment, a `**` at the end is
 * the place itself and whatever is below it, all else is literal.
 */
export const assetPatternField = z
  .string()
  .transform((text, context): AssetPattern => {
    const segments = text.split('/')
    const fault = segments.map((segment, index) => partFault(segment, index === segments.length - 1)).find(Boolean)
    if (fault === undefined) return pathPattern(text)
    context.addIssue({ code: 'custom', message: `Cannot read assets ${JSON.stringify(text)}: ${fault}` })
    return z.NEVER
  })
  .describe('Paths below the site that may be written: "**" is all of them, "line1/*" each one below line1')

function partFault(segment: string, last: boolean): string | undefined {
  if (segment === '*' || (segment === '**' && last)) return undefined
  if (segment.includes('*')) return `"${segment}" has a *, want * as a whole segment, or ** as the last one`
  return segmentFault(segment)
}
