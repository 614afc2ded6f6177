import type { Json } from '../../model/json-value.ts'
import type { Episode } from './detector.ts'
import type { Deviation } from './explain.ts'

/** What an alarm says of an episode: the most unusual tag, how many others there are, and all of them as detail. */

export function sayUnusual(asset: string, episode: Episode): string {
  const others = episode.deviations.length - 1
  const more = others === 0 ? '' : `, and ${others} more`
  return `Check "${nameOf(asset)}": ${leadingOf(episode)}${more}`
}

export function sayLearned(asset: string, episode: Episode): string {
  return `Learned as the new normal of "${nameOf(asset)}", for it lasts: ${leadingOf(episode)}`
}

/** For the page and for machines; times in ms since the epoch. */
export function detailOf({ since, score, deviations }: Episode): { readonly [name: string]: Json } {
  return { since, score, deviations: deviations.map((deviation) => ({ ...deviation })) }
}

function leadingOf({ deviations: [leading] }: Episode): string {
  return leading === undefined ? 'it does not do what it usually does' : said(leading)
}

function said({ tag, kind, seen, expected, low, high }: Deviation): string {
  const usual = `usually ${shown(low)} to ${shown(high)}`
  switch (kind) {
    case 'level':
      return `${tag} is ${shown(seen)}, ${usual}`
    case 'change':
      return `${tag} has changed to ${shown(seen)} from ${shown(expected)}, ${usual}`
    case 'season':
      return `${tag} is ${shown(seen)}, at this time of day ${usual}`
    default:
      return `${tag} is ${shown(seen)}, by the other tags ${shown(expected)}, ${usual}`
  }
}

/** Four digits that matter. */
function shown(value: number): string {
  return String(Number(value.toPrecision(4)))
}

function nameOf(asset: string): string {
  return asset.slice(asset.lastIndexOf('/') + 1)
}
