import assert from 'node:assert/strict'
import { test } from 'node:test'
import { extensionFault, OauthBearerClient } from './oauthbearer.ts'
import { PlainClient, PlainServer } from './plain.ts'
import { SaslError } from './sasl.ts'

const server = () => new PlainServer((name, password) => Promise.resolve(name === 'ann' && password === 'pass,w=örd'))

test('PLAIN: a password is taken, another is not', async () => {
  const token = await new PlainClient('ann', 'pass,w=örd').first()
  assert.deepEqual(await server().step(token), { answer: Buffer.alloc(0), name: 'ann' })
  const wrong = await new PlainClient('ann', 'other').first()
  await assert.rejects(server().step(wrong), { message: 'Cannot log in: wrong name or password', userName: 'ann' })
})

test('PLAIN: nobody acts for another, and what is not a message of it is refused', async () => {
  assert.equal((await server().step(Buffer.from('ann\0ann\0pass,w=örd'))).name, 'ann')
  for (const token of ['root\0ann\0pass,w=örd', '', '\0', '\0\0', '\0ann\0', '\0\0x', 'ann', '\0ann\0a\0b', '\xff'])
    await assert.rejects(server().step(Buffer.from(token, 'latin1')), SaslError)
})

test('OAUTHBEARER: token and extensions as RFC 7628 writes them', async () => {
  const client = new OauthBearerClient(() => Promise.resolve('abc.def-1'), { logicalCluster: 'lkc-1' })
  assert.equal((await client.first()).toString(), 'n,,\x01auth=Bearer abc.def-1\x01logicalCluster=lkc-1\x01\x01')
  assert.equal(await client.next(Buffer.alloc(0)), undefined)
})

test('OAUTHBEARER: a refusal is acknowledged and then told', async () => {
  const client = new OauthBearerClient(() => Promise.resolve('abc'))
  await client.first()
  assert.deepEqual(await client.next(Buffer.from('{"status":"invalid_token"}')), Buffer.from('\x01'))
  await assert.rejects(client.next(Buffer.alloc(0)), {
    message: 'Cannot log in: the server refuses the token, and says {"status":"invalid_token"}',
  })
})

test('OAUTHBEARER: a token cannot bring pairs of its own', async () => {
  const client = new OauthBearerClient(() => Promise.resolve('abc\x01host=evil'))
  await assert.rejects(client.first(), SaslError)
  assert.equal(extensionFault('logicalCluster', 'lkc-1'), undefined)
  assert.match(extensionFault('auth', 'x')!, /no name of an extension/)
  assert.match(extensionFault('a', 'x\x01y')!, /not printable/)
})
