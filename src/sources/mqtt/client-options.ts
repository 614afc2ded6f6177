import type { IClientOptions } from 'mqtt'
import type { SourceContext } from '../../component/source.ts'
import type { MqttClientConfig } from './client-config.ts'

/** What CONNECT and the socket below it need, in the words of MQTT.js. */
export function connectOptions(config: MqttClientConfig, context: SourceContext): IClientOptions {
  const { broker, username, password, tls } = config
  const url = new URL(broker)
  const secure = url.protocol === 'mqtts:'
  return {
    protocol: secure ? 'mqtts' : 'mqtt',
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 8883 : 1883) : Number(url.port),
    clientId: config.clientId ?? stableId(context),
    keepalive: Math.max(1, Math.round(config.keepAlive / 1000)),
    resubscribe: false,
    // Without this it formats a line of debug text for each step of each message, a tenth of all its work.
    log: () => {},
    ...version(config),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: password.reveal() }),
    ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls?.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls?.key === undefined ? {} : { key: tls.key }),
    ...(tls?.serverName === undefined ? {} : { servername: tls.serverName }),
  }
}

function version(config: MqttClientConfig): IClientOptions {
  if (config.protocol === '3.1.1') return { protocolVersion: 4 }
  // 0xffffffff would be "for ever" [MQTT5 3.1.2.11.2]; a session nobody comes back to should end.
  const sessionExpiryInterval = Math.min(Math.round(config.sessionExpiry / 1000), 0xffff_fffe)
  return { protocolVersion: 5, properties: { sessionExpiryInterval, receiveMaximum: config.receiveMaximum } }
}

/** The same after every start, because it names our session; only what every broker takes [MQTT-3.1.3-5]. */
function stableId({ site, name }: SourceContext): string {
  return `millrace-${site}-${name}`.replace(/[^0-9A-Za-z]+/g, '-').slice(0, 64)
}
