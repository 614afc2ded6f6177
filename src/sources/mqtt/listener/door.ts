import type { System } from '../../../system/system.ts'
import type { Address, Listener, Net, TlsIdentity } from '../../../system/net.ts'

/** Waits between two attempts to listen, ms: doubled up to the longest, with up to half of it added by chance. */
const WAIT_MS = { first: 500, longest: 10_000 } as const

/** Faults that only a person can mend; it is still tried again. */
const HOPELESS = ['EACCES', 'EADDRNOTAVAIL', 'ENOTFOUND']

type Accept = Parameters<Net['listen']>[2]

/** One address that is listened on, for as long as it takes to get it. */
export class Door {
  readonly #at: Address
  readonly #identity: TlsIdentity | undefined
  readonly #system: System
  #listener: Listener | undefined
  #fault: { readonly reason: string; readonly hopeless: boolean } | undefined

  constructor(at: Address, identity: TlsIdentity | undefined, system: System) {
    this.#at = at
    this.#identity = identity
    this.#system = system
  }

  /** Where it listens; undefined: not yet. */
  get address(): Address | undefined {
    return this.#listener?.address
  }

  /** Why it does not listen. */
  get fault(): { readonly reason: string; readonly hopeless: boolean } | undefined {
    return this.#fault
  }

  /** Listens; tries again until it does or the signal aborts. */
  async open(signal: AbortSignal, accept: Accept): Promise<void> {
    let waitMs: number = WAIT_MS.first
    while (!signal.aborted) {
      try {
        const listener = await this.#system.net.listen(this.#at, this.#identity, accept)
        this.#listener = listener
        this.#fault = undefined
        const { host, port } = listener.address
        this.#system.logger.info('MQTT listens', { host, port, tls: this.#identity !== undefined })
        if (signal.aborted) await listener.close()
        return
      } catch (error) {
        this.#refused(error as NodeJS.ErrnoException)
      }
      await this.#system.clock.sleep(waitMs * (1 + this.#system.random.next() / 2), signal).catch(() => {})
      waitMs = Math.min(waitMs * 2, WAIT_MS.longest)
    }
  }

  /** Lets nobody in any more; resolves once the connections that came through are closed. */
  async close(): Promise<void> {
    await this.#listener?.close()
  }

  #refused(error: NodeJS.ErrnoException): void {
    const { host, port } = this.#at
    const what = error.code === 'EADDRINUSE' ? 'another program listens there' : error.message
    const reason = `Cannot listen on "${host}:${port}": ${what}, want a free port`
    // Without a system code it is the certificate or the key that TLS cannot read.
    const hopeless = error.code === undefined || error.code.startsWith('ERR_') || HOPELESS.includes(error.code)
    if (this.#fault?.reason !== reason) this.#system.logger.warn(reason)
    this.#fault = { reason, hopeless }
  }
}
