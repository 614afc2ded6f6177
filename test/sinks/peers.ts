import { connect } from 'node:net'
import type { Outgoing, SinkContext } from '../../src/component/sink.ts'
import type { AlarmTransition } from '../../src/model/alarm.ts'
import { systemClock } from '../../src/system/clock.ts'
import { silentLogger } from '../../src/system/logger.ts'
import { seededRandom } from '../../src/system/random.ts'

export const CONTEXT: SinkContext = {
  name: 'test',
  site: 'acme/berlin',
  system: { clock: systemClock, random: seededRandom(1), logger: silentLogger },
  publish: () => 0,
}

export function alarm(number: number, more: Partial<AlarmTransition> = {}): Outgoing {
  const transition: AlarmTransition = {
    asset: `acme/berlin/line1/press${number}`,
    alarm: 'hot',
    action: 'raise',
    time: 1_732_287_000_000 + number,
    priority: 'high',
    message: `Check "press${number}": temperature is 96, want at most 95`,
    ...more,
  }
  return { fact: { kind: 'alarm', alarm: transition }, place: `acme.berlin.alarms/0/${number}`, receivedTime: 5 }
}

/** Waits until somebody listens on a port of this machine. */
export async function reachable(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    })
    socket.destroy()
    if (isOpen) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
