import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../system/random.ts'
import { Car } from './car.ts'
import { Station } from './station.ts'

test('a car sends the 19 fields of the scenario under its topic, and the same ones for the same seed', () => {
  const car = new Car(42, seededRandom(1))
  assert.equal(car.topic, 'vehicles/sensor/data/electric-vehicle-00042')
  const payload = car.next(2_000)
  assert.equal(Object.keys(payload).join(' '), FIELDS)
  assert.deepEqual(new Car(42, seededRandom(1)).next(2_000), payload)
})

const FIELDS =
  'coolant_temp intake_air_temp intake_air_flow_speed battery_percentage battery_voltage current_draw speed ' +
  'engine_vibration_amplitude throttle_pos tire_pressure_1_1 tire_pressure_1_2 tire_pressure_2_1 tire_pressure_2_2 ' +
  'accelerometer_1_1_value accelerometer_1_2_value accelerometer_2_1_value accelerometer_2_2_value ' +
  'control_unit_firmware failure_occurred'

test('a failure shows in the readings by the rules of the scenario, and only then is it said to have occurred', () => {
  let failed = 0
  for (let seed = 0; seed < 50; seed += 1) {
    const car = new Car(seed, seededRandom(seed))
    for (let sample = 0; sample < 400; sample += 1) {
      const now = car.next(10_000)
      const accelerations = [
        now.accelerometer_1_1_value,
        now.accelerometer_1_2_value,
        now.accelerometer_2_1_value,
        now.accelerometer_2_2_value,
      ]
      const tyres = [now.tire_pressure_1_1, now.tire_pressure_1_2, now.tire_pressure_2_1, now.tire_pressure_2_2]
      const shows =
        tyres.some((tyre) => tyre < 30) ||
        accelerations.some((value) => value > 3) ||
        (now.speed > 1 && now.engine_vibration_amplitude / now.speed > 125) ||
        (now.current_draw > 1 && (now.coolant_temp - now.intake_air_temp) / now.current_draw > 0.4) ||
        now.control_unit_firmware === 1000
      if (shows) assert.equal(now.failure_occurred, 'true', `seed ${seed}, sample ${sample}`)
      if (now.failure_occurred === 'true') failed += 1
      assert.ok(now.battery_percentage >= 0 && now.battery_percentage <= 100 && now.speed >= 0 && now.speed < 70)
    }
  }
  assert.ok(failed > 500 && failed < 15_000, `${failed} of 20,000 samples`)
})

test('the station numbers its parts, and few fail', () => {
  const station = new Station(seededRandom(1))
  const results = Array.from({ length: 1_000 }, () => station.next())
  assert.equal(new Set(results.map((one) => one.serial)).size, 1_000)
  const fails = results.filter((one) => one.result === 'fail').length
  assert.ok(fails > 10 && fails < 80, `${fails} fail`)
})
