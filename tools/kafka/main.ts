import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { startKafka } from './cluster.ts'
import type { ListenerName } from './properties.ts'

/** `node tools/kafka/main.ts [--brokers 3] [--listeners PLAINTEXT,SASL_SSL]`: Apache Kafka in the foreground. */
const { values } = parseArgs({
  options: { brokers: { type: 'string', default: '1' }, listeners: { type: 'string', default: 'PLAINTEXT' } },
})
const listeners = values.listeners.split(',') as ListenerName[]
console.log('Starting Apache Kafka')
await using kafka = await startKafka({ brokers: values.brokers === '3' ? 3 : 1, listeners })
for (const listener of listeners) console.log(`${listener} ${kafka.bootstrap(listener)}`)
for (const node of kafka.nodes) console.log(`broker ${node} process ${kafka.pid(node)} data ${kafka.dataFolder(node)}`)
console.log('Ctrl-C ends it and removes its data')
await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
