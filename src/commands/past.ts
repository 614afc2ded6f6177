import type { Log } from '../log/log.ts'
import { readUpTo } from '../log/up-to.ts'
import { decodeCommandEvent } from '../model/command-record.ts'
import { ModelError } from '../model/errors.ts'
import { AssetCommands } from './asset-commands.ts'

/** Most steps that one question looks at. */
const MOST_STEPS = 500_000

/**
 * The commands of an asset as they were at a moment: the fold of the steps that were in the log by then.
 * @throws as `Log.ends` and `Log.read`
 */
export async function commandsAt(
  log: Pick<Log, 'ends' | 'offsetsAt' | 'read'>,
  topic: string,
  asset: string,
  time: number,
  signal: AbortSignal,
): Promise<AssetCommands> {
  const commands = new AssetCommands(asset)
  const take = ({ value, offset }: { readonly value: Uint8Array | null; readonly offset: number }) => {
    if (value === null) return
    try {
      const event = decodeCommandEvent(value)
      if (event.asset === asset) commands.take(event, offset)
    } catch (error) {
      // Somebody else wrote into the topic: the view has said so in the log of the hub.
      if (!(error instanceof ModelError)) throw error
    }
  }
  await readUpTo(log, { topic, time, key: asset, most: MOST_STEPS }, { take, begins: () => {} }, signal)
  return commands
}
