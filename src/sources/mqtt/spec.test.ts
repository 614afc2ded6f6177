import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import { Secret } from '../../system/secret.ts'
import { mqttSpec } from './spec.ts'

const topics = { 'a/{b}': { asset: 'x/{b}' } }
const users = [{ name: 'car', password: new Secret('s') }]
const pem = '-----BEGIN CERTIFICATE-----'

function faults(config: object): string[] {
  const read = mqttSpec.config.safeParse({ topics, ...config })
  return read.success
    ? []
    : read.error.issues
        .flatMap((issue) => ('errors' in issue ? issue.errors[0]! : [issue]))
        .map((issue) => issue.message)
}

test('the example of the reference page shows both shapes', () => {
  const { sources } = parse(mqttSpec.example) as { sources: { [name: string]: { mqtt: unknown } } }
  const described = Object.values(sources).map(({ mqtt }) => mqttSpec.describe(mqttSpec.config.parse(mqtt)))
  assert.deepEqual(described, ['mqtt://127.0.0.1:1883', 'mqtt://10.0.0.5'])
})

test('the shape says whether devices come to us or we go to a broker', () => {
  const describe = (config: object) => mqttSpec.describe(mqttSpec.config.parse({ topics, ...config }))
  assert.equal(describe({ broker: 'mqtt://10.0.0.1' }), 'mqtt://10.0.0.1')
  const tls = { listen: '0.0.0.0:8883', cert: pem, key: pem }
  assert.equal(describe({ listen: 1883, tls, users }), 'mqtt://127.0.0.1:1883 and mqtts://0.0.0.0:8883')
})

test('raw topics are named, so that they can be made', () => {
  assert.deepEqual(mqttSpec.rawTopics!(mqttSpec.config.parse({ listen: 1, topics: { 'a/#': { raw: true } } })), ['raw'])
})

test('beyond loopback nobody comes in without a user or a certificate', () => {
  assert.deepEqual(faults({ listen: '0.0.0.0:1883' }), [
    'Cannot listen on "0.0.0.0:1883": it is not loopback and no users are configured, want "users"',
  ])
  assert.deepEqual(faults({ tls: { listen: '10.1.1.1:8883', cert: pem, key: pem } }), [
    'Cannot listen on "10.1.1.1:8883": it is not loopback and no users are configured, want "users", or "ca" for client certificates',
  ])
  assert.deepEqual(faults({ listen: '0.0.0.0:1883', users }), [])
  assert.deepEqual(faults({ tls: { listen: '0.0.0.0:8883', cert: pem, key: pem, ca: pem } }), [])
  assert.deepEqual(faults({ listen: '127.0.0.1:1883' }), [])
})

test('a listener needs a place, and users one name each', () => {
  assert.deepEqual(faults({}), ['Cannot listen nowhere: want "listen" or "tls"'])
  assert.deepEqual(faults({ listen: 1, users: [...users, ...users] }), [
    'Cannot have user "car" twice: want one of each name',
  ])
  assert.deepEqual(faults({ listen: 1, users: [{ ...users[0], publish: ['a/#/b'] }] }), [
    'Cannot read topic filter: want e.g. "cars/+/state" or "cars/#"',
  ])
})
