import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asOf, momentIn, withMoment } from './moment.ts'

const AT = 1_764_500_000_000

for (const [url, wanted] of [
  ['/api/v1/values?on=fleet/*&tags=lat', `/api/v1/values?on=fleet/*&tags=lat&at=${AT}`],
  ['/api/v1/alarms', `/api/v1/alarms?at=${AT}`],
  ['/api/v1/assets/acme/berlin/press1', `/api/v1/assets/acme/berlin/press1?at=${AT}`],
  ['/api/v1/events?type=stock.*', `/api/v1/events?type=stock.*&to=${AT}`],
  ['/api/v1/oee/acme/berlin?period=day', `/api/v1/oee/acme/berlin?period=day&at=${AT}`],
  // It knows its own time, or there is no past of it.
  ['/api/v1/assets/acme/berlin/press1/compare?a=5', '/api/v1/assets/acme/berlin/press1/compare?a=5'],
  ['/api/v1/oee/acme/berlin?from=1&to=2', '/api/v1/oee/acme/berlin?from=1&to=2'],
  ['/api/v1/topics', '/api/v1/topics'],
  ['/api/v1/alarms/journal?limit=5', '/api/v1/alarms/journal?limit=5'],
] as const) {
  test(`as of a moment: ${url}`, () => {
    assert.equal(asOf(url, AT), wanted)
    assert.equal(asOf(url, undefined), url)
  })
}

test('a moment goes into a URL of the page and out again', () => {
  assert.equal(withMoment('#/assets/acme/berlin', AT), `#/assets/acme/berlin?asof=${AT}`)
  assert.equal(withMoment('#/oee/acme?period=day', AT), `#/oee/acme?period=day&asof=${AT}`)
  assert.equal(withMoment(`#/oee/acme?period=day&asof=${AT}`, undefined), '#/oee/acme?period=day')
  assert.equal(withMoment('', AT), `#/?asof=${AT}`)
  assert.equal(momentIn(`#/x?asof=${AT}`), AT)
  for (const hash of ['', '#/x', '#/x?asof=', '#/x?asof=yesterday', '#/x?asof=1.5']) {
    assert.equal(momentIn(hash), undefined)
  }
})
