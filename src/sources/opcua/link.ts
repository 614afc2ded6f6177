import type {
  ClientSession,
  ClientSessionRawSubscriptionService,
  OPCUAClient,
  PublishRequest,
  PublishResponse,
  UserIdentityInfo,
} from 'node-opcua-client'
import { isLoopback } from '../../component/fields.ts'
import type { System } from '../../system/system.ts'
import { within } from '../../system/wait.ts'
import { applicationUriOf, certificatesOf, privateKeyOf, type TrustList } from './certificates.ts'
import { OpcuaError } from './errors.ts'
import type { Library } from './library.ts'
import type { OpcuaConfig } from './spec.ts'
import { Wire } from './wire.ts'

/** How long one connection may take from the first packet to an open session. */
const CONNECT_MS = 15_000

/** How long the server keeps our session while it hears nothing from us. */
const SESSION_MS = 60_000

/** How long a clean goodbye may take before the socket is closed without one. */
const GOODBYE_MS = 2_000

/** A session with its raw services, which the library has but does not declare on it. */
type Session = ClientSession &
  ClientSessionRawSubscriptionService & {
    publish(request: PublishRequest, callback: (error: Error | null, response?: PublishResponse) => void): void
    setPublishingMode(enabled: boolean, subscriptionId: number, callback: (error: Error | null) => void): void
    isChannelValid(): boolean
    /** One request, once: neither held while a session is repaired nor sent again in a new one. */
    _performMessageTransaction(request: object, callback: (error: Error | null, response?: object) => void): void
  }

/** An open session with a server. */
export interface Link {
  readonly session: Session
  /** Namespace URIs by index, as the server has them since this connection was made. */
  readonly namespaces: readonly string[]
  /** Resolves with the reason when the connection breaks. */
  readonly broken: Promise<OpcuaError>
  readonly wire: Wire
  /** Ends session and connection; `clean` takes the time to tell the server. Never throws. */
  close(clean: boolean): Promise<void>
}

/**
 * Opens a session. The library's own reconnection is off: it gets stuck or polls silently, so a link that breaks is
 * never repaired; the source makes a new one.
 * @throws OpcuaError
 */
export async function openLink(
  library: Library,
  config: OpcuaConfig,
  trust: TrustList,
  system: System,
  signal: AbortSignal,
): Promise<Link> {
  const wire = new Wire(library)
  const client = await createClient(library, config, trust, wire, system)
  let breakLink = (_error: OpcuaError): void => {}
  const broken = new Promise<OpcuaError>((resolve) => (breakLink = resolve))
  client.on('close', (error) => breakLink(lost(config.endpoint, error?.message ?? 'the server closed it')))
  const timeout = new AbortController()
  const timer = system.clock.after(CONNECT_MS, () => timeout.abort(new Error(`no answer in ${CONNECT_MS / 1000} s`)))
  const deadline = AbortSignal.any([signal, timeout.signal])
  try {
    await unlessAborted(client.connect(config.endpoint), deadline)
    await checkPassword(client, library, config)
    const session = (await unlessAborted(client.createSession(identity(library, config)), deadline)) as Session
    const namespaces = await unlessAborted(session.readNamespaceArray(), deadline)
    return { session, namespaces, broken, wire, close: (clean) => close(client, session, system, clean) }
  } catch (error) {
    await close(client, undefined, system, false)
    throw connectFault(config, error)
  } finally {
    timer.cancel()
  }
}

async function createClient(
  library: Library,
  config: OpcuaConfig,
  trust: TrustList,
  wire: Wire,
  system: System,
): Promise<OPCUAClient> {
  const { security } = config
  const { host } = hostOf(config.endpoint)
  const identityOfApplication = await applicationIdentity(library, config)
  return library.OPCUAClient.create({
    applicationName: 'Millrace',
    applicationUri: identityOfApplication.uri,
    clientName: 'Millrace',
    certificateKeyPairProvider: identityOfApplication.provider,
    clientCertificateManager: certificateStore(library, (der) => trust.check(der, host, system.clock.now())),
    securityMode: {
      none: library.MessageSecurityMode.None,
      sign: library.MessageSecurityMode.Sign,
      signAndEncrypt: library.MessageSecurityMode.SignAndEncrypt,
    }[security.mode],
    securityPolicy: library.SecurityPolicy[security.mode === 'none' ? 'None' : security.policy],
    connectionStrategy: { maxRetry: 0, initialDelay: 100, maxDelay: 100 },
    transportTimeout: CONNECT_MS,
    transportFactory: wire,
    endpointMustExist: false,
    keepSessionAlive: false,
    requestedSessionTimeout: SESSION_MS,
    keepPendingSessionsOnDisconnect: true,
  })
}

type Provider = InstanceType<Library['InMemoryCertificateKeyPairProvider']>

interface ApplicationIdentity {
  readonly uri: string
  readonly provider: Provider
}

/** Made once in a process: a connection without security has no use for it, but the library insists on one. */
let throwaway: Promise<ApplicationIdentity> | undefined

function applicationIdentity(library: Library, config: OpcuaConfig): Promise<ApplicationIdentity> {
  const given = config.security.certificate
  if (given !== undefined) return Promise.resolve(givenIdentity(library, given))
  throwaway ??= makeIdentity(library)
  return throwaway
}

function givenIdentity(library: Library, given: { cert: string; key: string }): ApplicationIdentity {
  const chain = certificatesOf(given.cert)
  const key = { hidden: privateKeyOf(given.key) }
  // OPC 10000-6 6.2.2: the URI we announce must be the one in our certificate.
  const uri = applicationUriOf(chain[0]!) ?? 'urn:millrace:client'
  return { uri, provider: new library.InMemoryCertificateKeyPairProvider(chain, key) }
}

async function makeIdentity(library: Library): Promise<ApplicationIdentity> {
  const uri = 'urn:millrace:client'
  const provider = new library.InMemoryCertificateKeyPairProvider()
  await provider.ensureCertificateExists({
    applicationUri: uri,
    subject: '/CN=Millrace',
    dns: ['localhost'],
    validity: 365,
  })
  return { uri, provider }
}

type Store = NonNullable<NonNullable<Parameters<Library['OPCUAClient']['create']>[0]>['clientCertificateManager']>

/** A certificate store that asks `check` and keeps nothing; the library never gets to trust anybody by itself. */
function certificateStore(library: Library, check: (der: Uint8Array) => Promise<void>): Store {
  const store = new library.InMemoryCertificateStore({ autoAcceptUnknown: false })
  store.checkCertificate = async (given) => {
    await check(Array.isArray(given) ? given[0]! : given)
    return library.StatusCodes.Good
  }
  return store
}

function identity(library: Library, config: OpcuaConfig): UserIdentityInfo {
  const { user } = config.security
  if (user === undefined) return { type: library.UserTokenType.Anonymous }
  if ('password' in user) {
    return { type: library.UserTokenType.UserName, userName: user.name, password: user.password.reveal() }
  }
  return {
    type: library.UserTokenType.Certificate,
    certificateData: certificatesOf(user.cert)[0]!,
    privateKey: user.key,
  }
}

/** A password goes only over an encrypted connection, or within this machine, or where the config insists. */
async function checkPassword(client: OPCUAClient, library: Library, config: OpcuaConfig): Promise<void> {
  const { mode, user, allowUnsafePassword } = config.security
  const address = hostOf(config.endpoint)
  if (user === undefined || !('password' in user) || allowUnsafePassword || mode === 'signAndEncrypt') return
  if (isLoopback(address)) return
  if (mode === 'sign' && (await encryptsPassword(client, library))) return
  throw new OpcuaError(
    'OPCUA_UNSAFE_PASSWORD',
    `Cannot send a password to "${config.endpoint}": mode is ${mode}, want signAndEncrypt`,
  )
}

/** Whether the endpoint in use asks for passwords encrypted with the server's (trusted) key. */
async function encryptsPassword(client: OPCUAClient, library: Library): Promise<boolean> {
  const endpoints = await client.getEndpoints()
  const used = endpoints.find(
    (one) => one.securityMode === client.securityMode && one.securityPolicyUri === client.securityPolicy,
  )
  const policies = used?.userIdentityTokens ?? []
  const first = policies.find((policy) => policy.tokenType === library.UserTokenType.UserName)
  return first !== undefined && first.securityPolicyUri !== library.SecurityPolicy.None
}

async function close(
  client: OPCUAClient,
  session: ClientSession | undefined,
  system: System,
  clean: boolean,
): Promise<void> {
  const goodbye = async () => {
    if (clean && session !== undefined) await session.close(true)
    await client.disconnect()
  }
  await within(
    GOODBYE_MS,
    goodbye().catch(() => {}),
    system.clock,
  )
}

/** The promise, or the signal's reason if that comes first. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

function connectFault(config: OpcuaConfig, error: unknown): OpcuaError {
  if (error instanceof OpcuaError) return error
  const message = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').trim()
  const refused =
    /Bad(UserAccessDenied|IdentityToken\w+|UserSignatureInvalid|SecurityChecksFailed|Certificate\w+|SecurityPolicyRejected|SecurityModeRejected)|Cannot find \w+ user token policy|cannot find endpoint/i
  const code = refused.test(message) ? 'OPCUA_REFUSED' : 'OPCUA_UNREACHABLE'
  return new OpcuaError(code, `Cannot connect to "${config.endpoint}": ${message}`, error)
}

function lost(endpoint: string, why: string): OpcuaError {
  return new OpcuaError('OPCUA_LOST', `Cannot keep the connection to "${endpoint}": ${why}`)
}

/** Host and port of an endpoint URL. */
function hostOf(endpoint: string): { host: string; port: number } {
  const url = new URL(endpoint.replace(/^opc\.tcp:/, 'http:'))
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || '4840') }
}
