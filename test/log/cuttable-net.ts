import type { Socket } from 'node:net'
import type { Listener, Net } from '../../src/system/net.ts'

/** A network that drops every packet while it is cut: nothing is refused, nothing breaks, nothing comes. */
export class CuttableNet implements Net {
  readonly #net: Net
  readonly #sockets = new Set<Socket>()
  #healed = Promise.resolve()
  #heal = () => {}
  #isCut = false

  constructor(net: Net) {
    this.#net = net
  }

  listen(...args: Parameters<Net['listen']>): Promise<Listener> {
    return this.#net.listen(...args)
  }

  async connect(...args: Parameters<Net['connect']>): Promise<Socket> {
    await this.#healed
    const socket = await this.#net.connect(...args)
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    if (this.#isCut) drop(socket)
    return socket
  }

  cut(): void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#isCut = true
    this.#healed = promise
    this.#heal = resolve
    for (const socket of this.#sockets) drop(socket)
  }

  /** Packets pass again; connections that lost some are broken by now. */
  heal(): void {
    this.#isCut = false
    for (const socket of this.#sockets) socket.destroy()
    this.#heal()
  }
}

function drop(socket: Socket): void {
  socket.pause()
  socket.write = () => true
}
