import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/**
 * A way to a server on which packets can be lost: while it is cut nothing passes in either direction, nothing is refused
 * and no connection ends; what was on its way comes later, as TCP would send it again.
 */
export class BlackHole {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #cut = false
  #waiting: (() => void)[] = []
  port = 0
  /** Where it leads. */
  target = 0

  constructor() {
    this.#server = createServer((near) => void this.#join(near))
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    this.port = (this.#server.address() as AddressInfo).port
  }

  cut(): void {
    this.#cut = true
    for (const socket of this.#sockets) socket.pause()
  }

  heal(): void {
    this.#cut = false
    for (const socket of this.#sockets) socket.resume()
    for (const go of this.#waiting.splice(0)) go()
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    for (const go of this.#waiting.splice(0)) go()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #join(near: Socket): Promise<void> {
    this.#hold(near)
    while (this.#cut) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    if (near.destroyed) return
    const far = connect({ host: '127.0.0.1', port: this.target, noDelay: true })
    this.#hold(far)
    this.#carry(near, far)
    this.#carry(far, near)
  }

  #hold(socket: Socket): void {
    this.#sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.once('close', () => this.#sockets.delete(socket))
    if (this.#cut) socket.pause()
  }

  #carry(from: Socket, to: Socket): void {
    from.on('data', (chunk: Buffer) => {
      if (to.write(chunk)) return
      from.pause()
      to.once('drain', () => {
        if (!this.#cut) from.resume()
      })
    })
    from.once('close', () => to.destroy())
  }
}
