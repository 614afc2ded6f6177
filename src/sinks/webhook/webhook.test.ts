import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { Undeliverable } from '../../component/sink.ts'
import { Secret } from '../../system/secret.ts'
import { alarm, CONTEXT } from '../../../test/sinks/peers.ts'
import { signature, webhookSpec } from './spec.ts'

interface Got {
  readonly headers: IncomingMessage['headers']
  readonly path: string
  readonly body: string
}

/** A server that answers as the test says, and keeps what it got. */
async function server(t: TestContext, answer: (answer: ServerResponse, count: number) => void) {
  const got: Got[] = []
  const http = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      got.push({ headers: request.headers, path: request.url!, body: Buffer.concat(parts).toString() })
      answer(response, got.length)
    })
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    http.closeAllConnections()
    http.close()
  })
  return { got, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/hook?x=1` }
}

function sink(url: string, more: object = {}) {
  return webhookSpec.create(webhookSpec.config.parse({ topics: ['alarms'], url, ...more }), CONTEXT)
}

const signal = new AbortController().signal

test('facts are posted as JSON, signed, with a key that is the same when they come again', async (t) => {
  const { got, url } = await server(t, (answer) => answer.writeHead(204).end())
  const secret = new Secret('shared')
  const hook = sink(url, { secret, headers: { authorization: new Secret('Bearer token') } })
  await hook.deliver([alarm(1), alarm(2)], signal)
  const [{ headers, path, body } = assert.fail()] = got
  assert.equal(path, '/hook?x=1')
  const { site, records } = JSON.parse(body) as { site: string; records: { place: string; message: string }[] }
  assert.deepEqual(
    [site, records.map(({ place }) => place)],
    ['acme/berlin', ['acme.berlin.alarms/0/1', 'acme.berlin.alarms/0/2']],
  )
  assert.equal(records[0]!.message, 'Check "press1": temperature is 96, want at most 95')
  assert.equal(headers['authorization'], 'Bearer token')
  assert.equal(headers['idempotency-key'], 'acme.berlin.alarms/0/1+2')
  const signed = String(headers['x-millrace-signature'])
  const seconds = Number(/^t=(\d+),/.exec(signed)![1])
  assert.equal(signed, signature(body, 'shared', seconds))
  assert.ok(Math.abs(Date.now() / 1000 - seconds) < 60)
})

test('the signature is what anybody works out who has the secret', () => {
  // printf '1732287000.{"a":1}' | openssl dgst -sha256 -hmac shared
  const expected = '5e62b44e8136f6fd112bc0cc0e7f612475ef608c2833cceefc7ef2cb387f4e59'
  assert.equal(signature('{"a":1}', 'shared', 1_732_287_000), `t=1732287000,v1=${expected}`)
})

for (const [status, isRefused] of [
  [500, false],
  [503, false],
  [429, false],
  [408, false],
  [400, true],
  [401, true],
  [404, true],
  [302, true],
] as const) {
  test(`an answer of ${status} is ${isRefused ? 'final' : 'for later'}`, async (t) => {
    const { got, url } = await server(t, (answer) =>
      answer.writeHead(status, { location: 'http://169.254.169.254/' }).end('no'),
    )
    await assert.rejects(sink(url).deliver([alarm(1)], signal), (error: Error) => {
      assert.equal(error instanceof Undeliverable, isRefused)
      assert.equal(error.message, `Cannot post: the server answers ${status} "no", want 2xx`)
      return true
    })
    assert.equal(got.length, 1)
  })
}

test('a server that hangs, is gone or answers without end holds nobody up', async (t) => {
  const { url } = await server(t, () => {})
  await assert.rejects(sink(url, { timeout: '100ms' }).deliver([alarm(1)], signal), {
    message: 'no answer within 100 ms',
  })
  await assert.rejects(sink('http://127.0.0.1:1/').deliver([alarm(1)], signal), { code: 'ECONNREFUSED' })
  const endless = await server(t, (answer) => {
    answer.writeHead(200)
    const write = () => void (answer.destroyed || (answer.write('x'.repeat(1000)), setImmediate(write)))
    write()
  })
  await sink(endless.url).deliver([alarm(1)], signal)
})

test('an address is http or https, without a password in it', () => {
  for (const url of ['ftp://a/b', 'file:///etc/passwd', 'http://user:pass@a/', 'nonsense', '/relative'])
    assert.equal(webhookSpec.config.safeParse({ topics: ['alarms'], url }).success, false, url)
  const config = webhookSpec.config.parse({ topics: ['alarms'], url: new Secret('https://mes.example.com/hook/key') })
  assert.equal(webhookSpec.describe(config), 'an address that is a secret')
})
