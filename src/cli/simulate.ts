import { Command } from 'commander'
import type { Logger } from '../system/logger.ts'
import type { Done } from './program.ts'

export const simulateCommand = (done: Done) =>
  new Command('simulate').description('machines that speak for real').action(() => done(0))

export function startWorld(_options: unknown, _logger: Logger): { ended: Promise<never>; close(): Promise<void> } {
  return { ended: new Promise(() => {}), close: async () => {} }
}
