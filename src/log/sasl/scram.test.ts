import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SaslError } from './sasl.ts'
import { saslPrep } from './saslprep.ts'
import { isPassword, ScramClient, SCRAM_MECHANISMS, ScramServer, scramVerifier } from './scram.ts'
import type { ScramMechanism, ScramVerifier } from './scram.ts'

/** RFC 7677 section 3. */
const RFC = {
  nonce: 'rOprNGfwEbeRWgbNEkqO',
  serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
  salt: Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'),
  clientFirst: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
  serverFirst: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  clientFinal:
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
}
const PENCIL = await scramVerifier('SCRAM-SHA-256', 'pencil', RFC.salt, 4096)

function rfcClient(password = 'pencil'): ScramClient {
  return new ScramClient('SCRAM-SHA-256', { name: 'user', password, nonce: RFC.nonce })
}

function server(mechanism: ScramMechanism, users: { readonly [name: string]: ScramVerifier }, nonce = RFC.serverNonce) {
  const decoy = () => ({ ...PENCIL, salt: Buffer.from('decoy') })
  const verifiers = (name: string) => (Object.hasOwn(users, name) ? ([users[name]!] as const) : undefined)
  return new ScramServer(mechanism, { verifiers, decoy, nonce })
}

/** Both ends against each other. Answers who has logged in. */
async function logIn(client: ScramClient, to: ScramServer): Promise<string | undefined> {
  let { answer, name } = await to.step(await client.first())
  for (let said = await client.next(answer); said; said = await client.next(answer)) {
    ;({ answer, name } = await to.step(said))
  }
  return name
}

test('the exchange of RFC 7677 section 3, from both ends, to the byte', async () => {
  const client = rfcClient()
  const host = server('SCRAM-SHA-256', { user: PENCIL })
  assert.equal((await client.first()).toString(), RFC.clientFirst)
  assert.equal((await host.step(Buffer.from(RFC.clientFirst))).answer.toString(), RFC.serverFirst)
  assert.equal((await client.next(Buffer.from(RFC.serverFirst)))?.toString(), RFC.clientFinal)
  const { answer, name } = await host.step(Buffer.from(RFC.clientFinal))
  assert.deepEqual([answer.toString(), name], [RFC.serverFinal, 'user'])
  assert.equal(await client.next(answer), undefined)
})

for (const mechanism of SCRAM_MECHANISMS) {
  test(`${mechanism}: any name and password logs in, and no other password does`, async () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter((one) => !one.includes('\0'))
    await fc.assert(
      fc.asyncProperty(text, text, text, async (name, password, other) => {
        const users = { [name]: await scramVerifier(mechanism, password, Buffer.from('salt of 16 bytes'), 4096) }
        const client = new ScramClient(mechanism, { name, password, nonce: 'abc' })
        assert.equal(await logIn(client, server(mechanism, users)), name)
        assert.equal(await isPassword(mechanism, other, users[name]!), other === password)
        fc.pre(other !== password)
        const wrong = new ScramClient(mechanism, { name, password: other, nonce: 'abc' })
        await assert.rejects(logIn(wrong, server(mechanism, users)), { message: 'Cannot log in: wrong password' })
      }),
      { numRuns: 20 },
    )
  })
}

test('a user that is not there is asked like any other, the same each time, and refused at the end', async () => {
  const first = await server('SCRAM-SHA-256', {}).step(Buffer.from(RFC.clientFirst))
  const again = await server('SCRAM-SHA-256', {}).step(Buffer.from(RFC.clientFirst))
  assert.deepEqual(first, again)
  await assert.rejects(logIn(rfcClient(), server('SCRAM-SHA-256', {})), {
    message: 'Cannot log in: no user has this name',
    userName: 'user',
  })
})

test('a proof that was overheard is of no use in another login', async () => {
  const host = server('SCRAM-SHA-256', { user: PENCIL }, 'another')
  await host.step(Buffer.from(RFC.clientFirst))
  await assert.rejects(host.step(Buffer.from(RFC.clientFinal)), { message: /nonce is of another login/ })
})

const REFUSED_BY_CLIENT: readonly [what: string, serverFirst: string, message: RegExp][] = [
  ['a nonce that is not ours', `r=other${RFC.serverNonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`, /does not continue ours/],
  ['our own nonce alone', `r=${RFC.nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`, /does not continue ours/],
  ['too few iterations', RFC.serverFirst.replace('4096', '4095'), /asks for 4095 iterations, want 4096 to 1000000/],
  ['too many iterations', RFC.serverFirst.replace('4096', '1000001'), /asks for 1000001 iterations/],
  ['iterations that are no number', RFC.serverFirst.replace('4096', '4096e3'), /asks for 4096e3 iterations/],
  ['an extension that is demanded', `m=x,${RFC.serverFirst}`, /demands an extension/],
  ['no salt', RFC.serverFirst.replace(/s=[^,]*/, 's='), /sent no salt/],
  ['a salt that is not base64', RFC.serverFirst.replace(/s=[^,]*/, 's=$$$$'), /salt is not base64/],
  ['an error', 'e=unknown-user', /the server says "unknown-user"/],
  ['nothing', '', /sent no nonce/],
]
for (const [what, serverFirst, message] of REFUSED_BY_CLIENT) {
  test(`a client refuses ${what}`, async () => {
    const client = rfcClient()
    await client.first()
    await assert.rejects(client.next(Buffer.from(serverFirst)), { name: 'SaslError', message })
  })
}

test('a client refuses a server that does not know the password', async () => {
  for (const final of [RFC.serverFinal.replace('6r', '7r'), 'v=', 'v=AAAA', '', 'x=1']) {
    const client = rfcClient()
    await client.next(Buffer.from(RFC.serverFirst))
    await assert.rejects(client.next(Buffer.from(final)), { name: 'SaslError' })
  }
})

const REFUSED_BY_SERVER: readonly [what: string, clientFirst: string][] = [
  ['channel binding', `p=tls-unique,,n=user,r=abc`],
  ['an identity to act for', 'n,a=root,n=user,r=abc'],
  ['a demanded extension', 'n,,m=x,n=user,r=abc'],
  ['an empty name', 'n,,n=,r=abc'],
  ['a bad escape', 'n,,n=a=2Xb,r=abc'],
  ['an empty nonce', 'n,,n=user,r='],
  ['a nonce of 1 MB', `n,,n=user,r=${'a'.repeat(1e6)}`],
  ['no nonce', 'n,,n=user'],
  ['nothing', ''],
]
for (const [what, clientFirst] of REFUSED_BY_SERVER) {
  test(`a server refuses ${what}`, async () => {
    const host = server('SCRAM-SHA-256', { user: PENCIL })
    await assert.rejects(host.step(Buffer.from(clientFirst)), SaslError)
  })
}

test('a server refuses a final message of another header, and a proof of another length', async () => {
  for (const final of [
    RFC.clientFinal.replace('biws', 'eSws'),
    RFC.clientFinal.replace(/p=.*/, 'p=AAAA'),
    RFC.clientFinal.replace(/,p=.*/, ''),
  ]) {
    const host = server('SCRAM-SHA-256', { user: PENCIL })
    await host.step(Buffer.from(RFC.clientFirst))
    await assert.rejects(host.step(Buffer.from(final)), SaslError)
  }
})

test('neither end falls over whatever it is told', async () => {
  const bytes = fc.uint8Array({ maxLength: 200 }).map((one) => Buffer.from(one))
  const mutated = fc
    .tuple(
      fc.constantFrom(RFC.clientFirst, RFC.serverFirst, RFC.clientFinal, RFC.serverFinal),
      fc.nat(150),
      fc.string(),
    )
    .map(([text, at, noise]) => Buffer.from(text.slice(0, at) + noise + text.slice(at + 1)))
  const survives = async (step: () => Promise<unknown>) => {
    try {
      await step()
    } catch (error) {
      assert.ok(error instanceof SaslError, String(error))
    }
  }
  await fc.assert(
    fc.asyncProperty(fc.oneof(bytes, mutated), async (token) => {
      const host = server('SCRAM-SHA-256', { user: PENCIL })
      await survives(() => host.step(token))
      await survives(() => host.step(token))
      const client = rfcClient()
      await survives(() => client.next(token))
      await survives(() => client.next(token))
    }),
    { numRuns: 300 },
  )
})

test('SASLprep: the examples of RFC 4013 section 3, and what Unicode has several ways for', () => {
  assert.equal(saslPrep('I\u00ADX'), 'IX')
  assert.equal(saslPrep('user'), 'user')
  assert.equal(saslPrep('USER'), 'USER')
  assert.equal(saslPrep('\u00AA'), 'a')
  assert.equal(saslPrep('\u2168'), 'IX')
  assert.equal(saslPrep('\u0007'), undefined)
  assert.equal(saslPrep('\u0627\u0031'), undefined)
  assert.equal(saslPrep('\u0627\u0031\u0628'), '\u0627\u0031\u0628')
  assert.equal(saslPrep('a\u00A0b'), 'a b')
  assert.equal(saslPrep('Ku\u0308hlung'), 'K\u00fchlung')
  assert.equal(saslPrep('\uE000'), undefined)
})
