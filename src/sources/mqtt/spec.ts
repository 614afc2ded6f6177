import type { SourceSpec } from '../../component/source.ts'
import { listenerConfig } from './listener/config.ts'
import type { ListenerConfig } from './listener/config.ts'
import { MqttListener } from './listener/listener.ts'

/** MQTT: devices connect to us (`listen`, `tls`), or we connect to an existing broker (`broker`). */
export const mqttSpec: SourceSpec<ListenerConfig> = {
  kind: 'mqtt',
  summary: 'MQTT 3.1.1 and 5: devices connect straight to the hub, acknowledged only when durable',
  config: listenerConfig,
  example: `mqtt:
  listen: 1883
  topics:
    "vehicles/sensor/data/{car}": { asset: "fleet/{car}" }
`,
  create: (config, context) => new MqttListener(config, context),
}
