import type { ClientTCP_transport } from 'node-opcua-transport'
import type { Socket } from 'node:net'
import type { Library } from './library.ts'

type Settings = ConstructorParameters<typeof ClientTCP_transport>[0]

/**
 * The TCP connection under a client of the library, which hides it: what was written and not taken yet, and a way to end
 * it with nothing delivered later.
 */
export class Wire {
  readonly #library: Library
  #transport: ClientTCP_transport | undefined

  constructor(library: Library) {
    this.#library = library
  }

  /** To be given to the client as its `transportFactory`; the last connection that it makes is the one in use. */
  create(settings?: Settings): ClientTCP_transport {
    this.#transport = new this.#library.ClientTCP_transport(settings)
    return this.#transport
  }

  /** Bytes that this machine's kernel has not even taken yet. */
  get unsent(): number {
    return this.#socket()?.writableLength ?? 0
  }

  /**
   * Ends the connection by RST: what lies in buffers here is thrown away, where a close would still deliver it, minutes
   * later on a network that was away.
   */
  reset(): void {
    this.#socket()?.resetAndDestroy()
  }

  #socket(): Socket | null | undefined {
    return (this.#transport as unknown as { _socket: Socket | null } | undefined)?.['_socket']
  }
}
