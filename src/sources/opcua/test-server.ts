import { createPrivateKey } from 'node:crypto'
import {
  DataType,
  VariantArrayType,
  InMemoryCertificateKeyPairProvider,
  InMemoryCertificateStore,
  MessageSecurityMode,
  OPCUAServer,
  ResolvedCertificateKeyPairProvider,
  SecurityPolicy,
  setErrorLogger,
  setWarningLogger,
  StatusCodes,
  type UAVariable,
} from 'node-opcua'

/** A certificate with its key, made for one test. */
export interface TestIdentity {
  readonly provider: InMemoryCertificateKeyPairProvider
  readonly cert: string
  readonly key: string
}

export async function makeIdentity(applicationUri: string): Promise<TestIdentity> {
  const provider = new InMemoryCertificateKeyPairProvider()
  await provider.ensureCertificateExists({ applicationUri, subject: '/CN=test', dns: ['localhost'], ip: ['127.0.0.1'] })
  const cert = `-----BEGIN CERTIFICATE-----\n${provider.getCertificate().toString('base64')}\n-----END CERTIFICATE-----\n`
  const { hidden } = provider.getPrivateKey()
  const key = typeof hidden === 'string' ? createPrivateKey(hidden) : hidden
  return { provider, cert, key: key.export({ type: 'pkcs8', format: 'pem' }).toString() }
}

/** The library's servers read their identity from files; this one has it in memory. */
class MemoryProvider extends ResolvedCertificateKeyPairProvider {
  readonly #identity: InMemoryCertificateKeyPairProvider

  constructor(identity: InMemoryCertificateKeyPairProvider) {
    super('<in-memory>', '<in-memory>', identity.getPrivateKey())
    this.#identity = identity
  }

  override getCertificate() {
    return this.#identity.getCertificate()
  }

  override getCertificateChain() {
    return this.#identity.getCertificateChain()
  }
}

export interface TestServerOptions {
  readonly port?: number
  readonly identity?: TestIdentity
  readonly secure?: boolean
  readonly user?: { readonly name: string; readonly password: string }
  /** Namespaces registered first, so that the index of ours moves. */
  readonly before?: readonly string[]
}

export const NAMESPACE = 'urn:acme:press'

/** A server with two presses below Objects/Hall: `temperature`, `motor.current`, `state`, and room for more. */
export class TestServer {
  readonly server: OPCUAServer
  readonly #variables = new Map<string, UAVariable>()

  private constructor(server: OPCUAServer) {
    this.server = server
  }

  static async start(options: TestServerOptions = {}): Promise<TestServer> {
    setErrorLogger(() => {})
    setWarningLogger(() => {})
    const { provider } = options.identity ?? (await makeIdentity('urn:test:server'))
    const { user } = options
    const server = new OPCUAServer({
      host: '127.0.0.1',
      hostname: '127.0.0.1',
      port: options.port ?? 0,
      certificateKeyPairProvider: new MemoryProvider(provider),
      serverCertificateManager: new InMemoryCertificateStore() as never,
      userCertificateManager: new InMemoryCertificateStore() as never,
      securityModes: options.secure === true ? [MessageSecurityMode.SignAndEncrypt] : [MessageSecurityMode.None],
      securityPolicies: options.secure === true ? [SecurityPolicy.Basic256Sha256] : [SecurityPolicy.None],
      allowAnonymous: user === undefined,
      ...(user === undefined
        ? {}
        : {
            userManager: {
              isValidUser: (name: string, password: string) => name === user.name && password === user.password,
            },
          }),
      serverInfo: { applicationUri: 'urn:test:server' },
    })
    await server.initialize()
    const space = server.engine.addressSpace!
    for (const uri of options.before ?? []) space.registerNamespace(uri)
    const started = new TestServer(server)
    started.#build()
    await server.start()
    return started
  }

  #build(): void {
    const space = this.server.engine.addressSpace!
    const namespace = space.registerNamespace(NAMESPACE)
    const hall = namespace.addObject({ organizedBy: space.rootFolder.objects, browseName: 'Hall' })
    for (const n of [1, 2]) {
      const press = namespace.addObject({ componentOf: hall, browseName: `Press${n}` })
      const motor = namespace.addObject({ componentOf: press, browseName: 'motor' })
      this.add(`Press${n}.temperature`, press.nodeId.toString(), 'temperature', DataType.Double, 20 + n)
      this.add(`Press${n}.current`, motor.nodeId.toString(), 'current', DataType.Float, n)
      this.add(`Press${n}.state`, press.nodeId.toString(), 'state', DataType.String, 'Idle')
    }
  }

  /** Adds a variable `s=id` below an object. */
  add(id: string, parent: string, browseName: string, dataType: DataType, value: unknown): void {
    const space = this.server.engine.addressSpace!
    const namespace = space.getNamespace(NAMESPACE)
    const variable = namespace.addVariable({
      componentOf: space.findNode(parent) as never,
      browseName,
      nodeId: `s=${id}`,
      dataType: DataType[dataType],
      valueRank: arrayTypeOf(dataType, value) === VariantArrayType.Array ? 1 : -1,
      minimumSamplingInterval: 10,
    })
    this.#variables.set(id, variable)
    this.set(id, dataType, value)
  }

  set(
    id: string,
    dataType: DataType,
    value: unknown,
    status: number | keyof typeof StatusCodes = 'Good',
    at = new Date(),
  ): void {
    const code = typeof status === 'number' ? StatusCodes.Good : StatusCodes[status]
    this.#variables
      .get(id)!
      .setValueFromSource({ dataType, arrayType: arrayTypeOf(dataType, value), value }, code as never, at)
  }

  remove(id: string): void {
    this.server.engine.addressSpace!.deleteNode(this.#variables.get(id)!)
  }

  object(name: string): string {
    const space = this.server.engine.addressSpace!
    const hall = space.rootFolder.objects.getFolderElementByName('Hall')!
    return (name === 'Hall' ? hall : hall.getChildByName(name)!).nodeId.toString()
  }

  get port(): number {
    return this.server.endpoints[0]!.port
  }

  get endpoint(): string {
    return `opc.tcp://127.0.0.1:${this.port}`
  }

  async stop(): Promise<void> {
    await this.server.shutdown(0)
  }
}

/** An int64 is a pair of numbers, so an array of pairs is an array of int64. */
function arrayTypeOf(dataType: DataType, value: unknown): VariantArrayType {
  const wide = dataType === DataType.Int64 || dataType === DataType.UInt64
  const isArray = wide
    ? Array.isArray((value as unknown[])[0])
    : Array.isArray(value) || (ArrayBuffer.isView(value) && dataType !== DataType.ByteString)
  return isArray ? VariantArrayType.Array : VariantArrayType.Scalar
}
