import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  cellBounds,
  degreesText,
  fitted,
  graticule,
  metresPerPixel,
  panned,
  scaleBar,
  toScreen,
  toWorld,
  zoomed,
} from './map-view.ts'

const BERLIN = { lat: 52.52, lon: 13.405 }
const view = fitted({ middle: BERLIN, scale: 1000, width: 800, height: 600 }, [BERLIN, { lat: 52.55, lon: 13.5 }])

test('what is on the screen and where it is are the same, both ways', () => {
  for (const point of [
    { x: 0, y: 0 },
    { x: 800, y: 600 },
    { x: 123, y: 456 },
  ]) {
    const back = toScreen(view, toWorld(view, point))
    assert.ok(Math.hypot(back.x - point.x, back.y - point.y) < 1e-6)
  }
})

test('all places fit with a margin, and one alone is shown in its surroundings', () => {
  const at = toScreen(view, BERLIN)
  assert.ok(at.x > 40 && at.x < 800 && at.y > 40 && at.y < 600)
  const alone = fitted(view, [BERLIN])
  assert.ok(metresPerPixel(alone) > 0.5 && metresPerPixel(alone) < 2)
})

test('zooming leaves what lies under the pointer where it is; panning moves it by as much', () => {
  const pointer = { x: 700, y: 100 }
  const place = toWorld(view, pointer)
  const near = toScreen(zoomed(view, 3, pointer), place)
  assert.ok(Math.hypot(near.x - 700, near.y - 100) < 1e-6)
  const moved = toScreen(panned(view, 30, -20), place)
  assert.ok(Math.hypot(moved.x - 730, moved.y - 80) < 1e-6)
  assert.equal(panned({ ...view, middle: { lat: 0, lon: 179.9 }, scale: 3600 }, -10, 0).middle.lon.toFixed(1), '-179.1')
})

test('the scale bar has a round length, at most as long as it may be', () => {
  for (let zoom = 0.0001; zoom < 1e4; zoom *= 1.7) {
    const { metres, px } = scaleBar(zoomed(view, zoom, { x: 0, y: 0 }), 120)
    assert.ok(px <= 120 && px > 47, `${metres} m are ${px} px`)
    assert.match(metres.toExponential(0), /^[125]e/)
  }
})

test('the graticule has round degrees, minutes and seconds', () => {
  const { step, lats, lons } = graticule(view, 110)
  assert.equal(step, 1 / 60)
  assert.deepEqual(
    lats.map((lat) => degreesText(lat, step, ['N', 'S'])),
    ['52° 31′ N', '52° 32′ N', '52° 33′ N'],
  )
  assert.ok(lons.length >= 5 && lons.length <= 8)
  assert.equal(degreesText(-0.5 - 1 / 3600, 1 / 3600, ['E', 'W']), '0° 30′ 01″ W')
  assert.equal(degreesText(0, 10, ['E', 'W']), '0°')
})

test('the corners of a geohash cell', () => {
  // The worked example of the geohash literature: ezs42 is about 42.6 N, 5.6 W.
  const { north, south } = cellBounds('ezs42')!
  assert.deepEqual([south.lat, north.lat, south.lon, north.lon], [42.5830078125, 42.626953125, -5.625, -5.5810546875])
  assert.equal(cellBounds('a!'), undefined)
})
