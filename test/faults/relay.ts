import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** A wire between a source and a server, for what can go wrong on one. */
export class Relay {
  readonly #server: Server
  readonly #pairs = new Set<readonly [near: Socket, far: Socket]>()
  #isMute = false
  /** What was done to the client's side of a connection that ended: an RST is `ECONNRESET`. */
  readonly endings: string[] = []

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(port: number): Promise<Relay> {
    const server = createServer().listen(0, '127.0.0.1')
    const relay = new Relay(server)
    server.on('connection', (near) => relay.#join(near, connect(port, '127.0.0.1')))
    await once(server, 'listening')
    return relay
  }

  #join(near: Socket, far: Socket): void {
    const pair = [near, far] as const
    this.#pairs.add(pair)
    near.on('data', (bytes) => void far.write(bytes))
    far.on('data', (bytes) => void (this.#isMute || near.write(bytes)))
    for (const socket of pair) {
      socket.on('error', (error) => socket === near && this.endings.push((error as NodeJS.ErrnoException).code!))
      socket.on('close', () => {
        this.#pairs.delete(pair)
        for (const one of pair) one.destroy()
      })
    }
  }

  get endpoint(): string {
    return `opc.tcp://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** What the server says from now on gets lost; what is said to it arrives. */
  mute(): void {
    this.#isMute = true
  }

  /** Nothing that the client says from now on arrives until `flow`: it lies in buffers. */
  hold(): void {
    for (const [near] of this.#pairs) near.pause()
  }

  /** All is well again, and what lay in buffers goes on. */
  flow(): void {
    this.#isMute = false
    for (const [near] of this.#pairs) near.resume()
  }

  /** Both sides lose the connection. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy()
  }

  close(): void {
    this.cut()
    this.#server.close()
  }
}
