import type * as opcua from 'node-opcua'
import type { Address } from '../../system/net.ts'

type Opcua = typeof opcua

/** Loads the server library; takes about a second and 100 MB, so only the simulator does. */
export async function loadServer(): Promise<Opcua> {
  const library = await import('node-opcua')
  // Its remarks on self-signed certificates and host names are of no use to anybody who runs a simulator.
  library.setWarningLogger(() => {})
  library.setErrorLogger(() => {})
  return library
}

/**
 * Starts an OPC UA server without security on one address; everything it needs is in memory. `build` fills its address
 * space before it listens.
 * @throws a Node system error (EADDRINUSE) or the library's own.
 */
export async function startServer(
  library: Opcua,
  listen: Address,
  namespaceUri: string,
  build: (namespace: opcua.Namespace, objects: opcua.UAObject) => void,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = new library.OPCUAServer({
    host: listen.host,
    hostname: listen.host,
    port: listen.port,
    certificateKeyPairProvider: await memoryIdentity(library),
    serverCertificateManager: new library.InMemoryCertificateStore() as never,
    userCertificateManager: new library.InMemoryCertificateStore() as never,
    securityModes: [library.MessageSecurityMode.None],
    securityPolicies: [library.SecurityPolicy.None],
    serverInfo: { applicationUri: 'urn:millrace:simulator:server' },
    serverCapabilities: { maxSessions: 100 },
  })
  await server.initialize()
  const space = server.engine.addressSpace!
  build(space.registerNamespace(namespaceUri), space.rootFolder.objects)
  await server.start()
  return { port: server.endpoints[0]!.port, close: () => server.shutdown(0) }
}

/** The library's endpoints read their certificate from files, except from this kind of provider. */
async function memoryIdentity(library: Opcua): Promise<opcua.ResolvedCertificateKeyPairProvider> {
  const identity = new library.InMemoryCertificateKeyPairProvider()
  await identity.ensureCertificateExists({
    applicationUri: 'urn:millrace:simulator:server',
    subject: '/CN=Millrace simulator',
    dns: ['localhost'],
    ip: ['127.0.0.1'],
  })
  return new (class extends library.ResolvedCertificateKeyPairProvider {
    override getCertificate = () => identity.getCertificate()
    override getCertificateChain = () => identity.getCertificateChain()
  })('<in-memory>', '<in-memory>', identity.getPrivateKey())
}

/** A value for a variable of the server. */
export function variant(library: Opcua, value: string | number | bigint | boolean): opcua.VariantOptions {
  const { DataType, VariantArrayType } = library
  switch (typeof value) {
    case 'string':
      return { dataType: DataType.String, value }
    case 'boolean':
      return { dataType: DataType.Boolean, value }
    case 'bigint':
      return {
        dataType: DataType.Int64,
        arrayType: VariantArrayType.Scalar,
        value: [Number(BigInt.asUintN(64, value) >> 32n), Number(value & 0xffffffffn)],
      }
    default:
      return { dataType: DataType.Double, value }
  }
}
