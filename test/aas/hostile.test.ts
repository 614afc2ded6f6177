import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AAS_ROUTES } from '../../src/api/aas/routes.ts'
import { WOT_ROUTES } from '../../src/api/wot/routes.ts'
import { shellId, submodelId } from '../../src/api/aas/ids.ts'
import { PRESS, startServer } from '../api/server.ts'
import { encodedId } from './hub.ts'

/** What comes from outside: good ids and bad ones, texts of every kind, things that nest. */
const part = fc.oneof(
  fc.constantFrom(
    encodedId(shellId(PRESS)),
    encodedId(submodelId(PRESS, 'OperationalData')),
    encodedId(submodelId(PRESS, 'Nameplate')),
    encodeURIComponent(`urn:millrace:asset:${PRESS}`),
    'speed',
    'speed.Value',
    'speed.Value.x',
    'speed[0]',
    '__proto__',
    'constructor',
    'a%00b',
    '..%2f..',
    '[0]'.repeat(500),
    'a.'.repeat(500),
  ),
  fc.string({ maxLength: 40, unit: 'binary' }).map((text) => encodeURIComponent(text.toWellFormed())),
  fc.string({ maxLength: 40, unit: 'binary' }).map((text) => encodedId(text.toWellFormed())),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('base64url')),
)

const query = fc.dictionary(
  fc.constantFrom(
    'limit',
    'cursor',
    'level',
    'extent',
    'idShort',
    'assetIds',
    'semanticId',
    'aasIds',
    'submodelIds',
    'after',
    'x',
  ),
  fc.oneof(part, fc.constantFrom('1', '0', '-1', '1e9', 'core', 'deep', 'withBlobValue', 'MyA', '')),
  { maxKeys: 3 },
)

test('whatever comes in an address is answered or refused, and never a fault of ours', async (t) => {
  const { hub, url } = await startServer(t)
  hub.record(
    PRESS,
    [
      { tag: 'speed', value: 7 },
      { tag: '__proto__', value: { a: [null] } },
    ],
    1000,
  )
  const routes = [...AAS_ROUTES, ...WOT_ROUTES].map((route) => route.url)
  let answered = 0
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...routes),
      fc.array(part, { minLength: 4, maxLength: 4 }),
      query,
      async (route, parts, given) => {
        let next = 0
        const path = route.replaceAll(/:\w+|\*/g, () => parts[next++] ?? 'x')
        const answer = await fetch(`${url}${path}?${new URLSearchParams(given).toString()}`)
        const body = await answer.text()
        assert.ok(answer.status < 500 || body.includes('NO_PRESENT_VALUE'), `${answer.status} ${body}`)
        if (answer.status === 200) answered += 1
      },
    ),
    { numRuns: 1_500 },
  )
  // Enough of it is let in for the rest to mean something.
  assert.ok(answered > 50, `${answered}`)
})
