import { attachLog, plantReadings } from '../../src/attach.ts'
import { machine } from '../../src/cli/machine.ts'

/** The numbers `n` of every asset below a prefix, in the order of the log. */
export async function readNumbers(dataDirectory: string, prefix: string): Promise<Map<string, number[]>> {
  const attached = await attachLog(dataDirectory, machine({ logLevel: 'error', logFormat: 'text' }))
  const numbers = new Map<string, number[]>()
  try {
    const options = { signal: new AbortController().signal, from: { at: 'start' }, untilEnd: true } as const
    for await (const { reading } of plantReadings(attached, options)) {
      const asset = reading.asset.slice(prefix.length)
      const list = numbers.get(asset) ?? []
      list.push(Number(reading.values['n']))
      numbers.set(asset, list)
    }
    return numbers
  } finally {
    await attached.close()
  }
}
