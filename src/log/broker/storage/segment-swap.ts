import type { Disk } from '../../../system/disk.ts'
import { indexPath } from './index-file.ts'
import { segmentName } from './segment.ts'

/**
 * How a compacted segment takes the place of those it was made from. It is written and synced under a name that the
 * next start removes (`.cleaned`). Then it is renamed to `<base>-<next>.swap`: from that moment it *is* the offsets
 * from base to next, and whatever else holds them is a leftover. The leftovers go, the indexes first, and it gets its
 * place's name. Every step may be repeated; a crash between any two of them is finished by the next start.
 */
export interface Swap {
  readonly baseOffset: number
  readonly nextOffset: number
}

export function stagedPath(directory: string, baseOffset: number): string {
  return `${directory}/${digits(baseOffset)}.cleaned`
}

/** Where the new segment becomes the truth. */
export async function commitSwap(disk: Disk, directory: string, swap: Swap): Promise<void> {
  await disk.rename(stagedPath(directory, swap.baseOffset), swapPath(directory, swap))
  await disk.syncDirectory(directory)
}

/** Removes what the new segment replaces, and gives it its name. May be called again after a failure. */
export async function finishSwap(disk: Disk, directory: string, swap: Swap): Promise<void> {
  const { baseOffset, nextOffset } = swap
  if (!(await disk.exists(swapPath(directory, swap)))) return
  const bases = (await disk.list(directory)).flatMap((name) => /^(\d{20})\.(?:log|index)$/.exec(name)?.[1] ?? [])
  const replaced = [...new Set(bases.map(Number))].filter((base) => base >= baseOffset && base < nextOffset)
  // An index without its log is how a lost log is noticed, so it goes first, durably.
  for (const base of replaced) await disk.remove(indexPath(`${directory}/${segmentName(base)}`))
  await disk.syncDirectory(directory)
  for (const base of replaced) if (base !== baseOffset) await disk.remove(`${directory}/${segmentName(base)}`)
  await disk.syncDirectory(directory)
  await disk.rename(swapPath(directory, swap), `${directory}/${segmentName(baseOffset)}`)
  await disk.syncDirectory(directory)
}

/** Finishes what a crash interrupted, or takes it back where it was not committed. */
export async function finishSwaps(disk: Disk, directory: string): Promise<void> {
  for (const name of await disk.list(directory)) {
    if (name.endsWith('.cleaned')) await disk.remove(`${directory}/${name}`)
    const match = /^(\d{20})-(\d{20})\.swap$/.exec(name)
    if (match) await finishSwap(disk, directory, { baseOffset: Number(match[1]), nextOffset: Number(match[2]) })
  }
}

function swapPath(directory: string, { baseOffset, nextOffset }: Swap): string {
  return `${directory}/${digits(baseOffset)}-${digits(nextOffset)}.swap`
}

function digits(offset: number): string {
  return String(offset).padStart(20, '0')
}
