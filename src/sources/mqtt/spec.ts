import { z } from 'zod'
import { rawTopics } from '../../component/mapping/rules.ts'
import type { SourceSpec } from '../../component/source.ts'
import { mqttClientConfig } from './client-config.ts'
import { createMqttClient } from './client.ts'
import { listenerConfig } from './listener/config.ts'
import { MqttListener } from './listener/listener.ts'

const mqttConfig = z.union([
  listenerConfig.describe('Devices connect straight to the hub'),
  mqttClientConfig.describe('The hub connects to an existing broker'),
])

type MqttConfig = z.output<typeof mqttConfig>

/** MQTT: devices connect to us (`listen`, `tls`), or we connect to an existing broker (`broker`). */
export const mqttSpec: SourceSpec<MqttConfig> = {
  kind: 'mqtt',
  summary: 'MQTT 3.1.1 and 5: devices connect straight to the hub (listen), or it reads an existing broker (broker)',
  config: mqttConfig,
  example: `sources:
  cars:                                     # devices connect straight to the hub
    mqtt:
      listen: 1883
      topics:
        "vehicles/sensor/data/{car}": { asset: "fleet/{car}" }
  shop-floor:                               # the hub reads a broker that is there already
    mqtt:
      broker: mqtt://10.0.0.5
      topics:
        "plc/{line}/{machine}/{tag...}": { asset: "{line}/{machine}", tag: "{tag}" }
`,
  reach: (config) => ('broker' in config ? 'dials' : 'listens'),
  publishes: (config) => !('broker' in config),
  describe(config) {
    if ('broker' in config) return config.broker
    const plain = config.listen === undefined ? [] : [`mqtt://${config.listen.host}:${config.listen.port}`]
    const secure = config.tls === undefined ? [] : [`mqtts://${config.tls.listen.host}:${config.tls.listen.port}`]
    return [...plain, ...secure].join(' and ')
  },
  prepare: async (config) => ('broker' in config ? import('mqtt') : undefined),
  rawTopics: (config) => rawTopics(config.topics),
  create(config, context) {
    return 'broker' in config ? createMqttClient(config, context) : new MqttListener(config, context)
  },
}
