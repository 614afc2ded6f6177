import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../system/random.ts'
import { CarCommands } from './car-commands.ts'
import { Car } from './car.ts'

const NOW = 1_732_287_000_000

function scene() {
  const car = new Car(1, seededRandom(3))
  const commands = new CarCommands(car)
  const send = (command: object) => commands.take(JSON.stringify({ expires: NOW + 5_000, ...command }), NOW)
  return { car, commands, send }
}

test('a limit of speed is kept, shown, and answered', () => {
  const { car, send } = scene()
  assert.equal(car.speedLimit, 70)
  assert.equal(send({ id: 'c1', command: 'limit-speed', value: 6 }), '{"id":"c1","ok":true,"value":6}')
  for (let seconds = 0; seconds < 120; seconds += 2) car.next(2_000)
  const { speed } = car.next(2_000)
  assert.equal(car.speedLimit, 6)
  assert.ok(speed <= 7, String(speed))
})

test('a command that comes twice is done once, and answered alike', () => {
  const { car, send } = scene()
  const first = send({ id: 'c1', command: 'limit-speed', value: 6 })
  send({ id: 'c2', command: 'limit-speed', value: 9 })
  assert.equal(send({ id: 'c1', command: 'limit-speed', value: 6 }), first)
  assert.equal(car.speedLimit, 9)
})

test('what a car does not do it says, with the reason', () => {
  const { car, commands, send } = scene()
  const codes = [
    send({ id: 'a', command: 'limit-speed', value: 6, expires: NOW - 1 }),
    send({ id: 'b', command: 'explode' }),
    send({ id: 'c', command: 'limit-speed', value: 100 }),
    send({ id: 'd', command: 'limit-speed', value: '6' }),
  ].map((answer) => (JSON.parse(answer!) as { code: string }).code)
  assert.deepEqual(codes, ['Expired', 'NotSupported', 'OutOfRange', 'OutOfRange'])
  assert.deepEqual(
    [commands.take('no JSON', NOW), commands.take('{}', NOW), commands.take('null', NOW)],
    [undefined, undefined, undefined],
  )
  assert.equal(car.speedLimit, 70)
})
