import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import mqtt, { type MqttClient } from 'mqtt'
import { fits, HubPages, SIZES, skipPages as skip } from './hub-page.ts'

/** Commands as a person gives them: the page in a real browser, a hub, a machine that is a real MQTT client. */

const PRESS = 'acme/berlin/line1/press1'

let hub: HubPages
let machine: Machine

/** A press that does what it is told, and says what it is. */
class Machine {
  readonly executed: unknown[] = []
  readonly #client: MqttClient
  readonly #values = { setpoint: 55, state: 'Idle' }

  constructor(client: MqttClient) {
    this.#client = client
  }

  static async connect(url: string): Promise<Machine> {
    const client = await mqtt.connectAsync(url, { protocolVersion: 5 })
    const machine = new Machine(client)
    client.on('message', (_topic, payload) => machine.#take(JSON.parse(payload.toString()) as { id: string }))
    await client.subscribeAsync('press1/commands/+', { qos: 1 })
    await machine.say({})
    return machine
  }

  async say(values: Partial<{ setpoint: number; state: string }>): Promise<void> {
    Object.assign(this.#values, values)
    await this.#client.publishAsync('line1/press1', JSON.stringify(this.#values), { qos: 1 })
  }

  async end(): Promise<void> {
    await this.#client.endAsync()
  }

  #take(command: { readonly id: string; readonly value?: number }): void {
    this.executed.push(command.value)
    const answer = { id: command.id, ok: true, value: command.value }
    this.#client.publish('press1/replies', JSON.stringify(answer), { qos: 1 })
    void this.say({ setpoint: command.value! })
  }
}

before(async () => {
  if (skip) return
  hub = await HubPages.start(`site: acme/berlin
models:
  press@1:
    tags: { setpoint: { unit: Cel }, state: { kind: state } }
    commands:
      setpoint: { tag: setpoint, range: [20, 80], interlock: "state != 'Execute'" }
assets: { line1/press1: { model: press@1 } }
sources:
  devices:
    mqtt:
      listen: MQTT
      topics: { "{path...}": { asset: "{path}" } }
      commands: { "press1/commands/{command}": { asset: line1/press1, reply: press1/replies } }`)
  machine = await Machine.connect(hub.mqtt)
})

after(async () => {
  await machine?.end()
  await hub?.close()
})

for (const [at, size] of SIZES.entries()) {
  test(`a setpoint from the page to the machine and back, at ${size.width} wide`, { skip }, async () => {
    const { page, faults } = await hub.open(`assets/${PRESS}`, size)
    await machine.say({ state: 'Execute' })
    const setpoint = page.locator('[data-command="setpoint"]')
    await setpoint.getByText('state != \'Execute\' is false (state is "Execute")').waitFor()
    await setpoint.getByRole('button').click()
    await page.getByText('Not allowed now').waitFor()
    assert.ok(await page.getByRole('button', { name: 'Send' }).isDisabled())
    // The dialog follows the machine.
    await machine.say({ state: 'Idle' })
    await page.getByText('Not allowed now').waitFor({ state: 'detached' })
    await page.getByRole('textbox', { name: 'setpoint' }).fill('81')
    await page.getByText('Want 20 to 80').waitFor()
    assert.ok(await page.getByRole('button', { name: 'Send' }).isDisabled())
    const wanted = 60 + at
    await page.getByRole('textbox', { name: 'setpoint' }).fill(String(wanted))
    await page.getByLabel('Comment, for the audit').fill('warmer')
    await page.getByRole('button', { name: 'Send' }).click()
    await page.locator('[data-command-state="confirmed"]').getByText(`reads back ${wanted}`).waitFor()
    await fits(page, size.width)
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click()
    await page.locator('[data-tag="setpoint"] [data-value]', { hasText: String(wanted) }).waitFor()
    const last = page.locator('.command-rows li').first()
    await last.getByText(`setpoint = ${wanted}`).waitFor()
    assert.equal(await last.getAttribute('data-command-state'), 'confirmed')
    assert.deepEqual(machine.executed, [60, 61].slice(0, at + 1))

    await page.goto(`${hub.url}/#/commands/audit`)
    const rows = page.locator('.audit-row')
    await rows.first().getByText('command.confirmed').waitFor()
    const said = await rows.locator('strong').allInnerTexts()
    assert.deepEqual(said.slice(0, 3), ['command.confirmed', 'command.claimed', 'command.requested'])
    await rows.nth(2).locator('summary').click()
    await rows.nth(2).getByText('warmer').waitFor()
    await fits(page, size.width)
    assert.deepEqual(faults, [])
    await page.close()
  })
}

test('an asset and its alarms as they were before the command', { skip }, async () => {
  const { page, faults } = await hub.open(`assets/${PRESS}`, SIZES[0])
  const value = page.locator('[data-tag="setpoint"] [data-value]')
  await page.getByLabel('Trend of setpoint').waitFor()
  const before = Date.now()
  await machine.say({ setpoint: 33 })
  await value.filter({ hasText: '33' }).waitFor()
  await page.goto(`${hub.url}/#/assets/${PRESS}?asof=${before}`)
  await value.filter({ hasText: '61' }).waitFor()
  await page.getByText('As it was').waitFor()
  assert.equal(await page.locator('.asset-commands').count(), 0, 'nothing is done in the past')
  const changed = page.locator('[data-changed="setpoint"] td')
  await changed.first().waitFor()
  assert.deepEqual(await changed.allInnerTexts(), ['61', '33', '−28 °C'])
  // The moment stays while somebody goes on.
  await page.getByRole('navigation', { name: 'Views' }).getByText('Alarms').click()
  await page.waitForURL((url) => url.hash.startsWith('#/alarms') && url.hash.includes(`asof=${before}`))
  await page.getByRole('navigation', { name: 'Views' }).getByText('Plant').click()
  await page.getByRole('button', { name: 'Back to now' }).click()
  await page.getByText('As it was').waitFor({ state: 'detached' })
  await page.goto(`${hub.url}/#/assets/${PRESS}`)
  await value.filter({ hasText: '33' }).waitFor()
  assert.deepEqual(faults, [])
  await page.close()
})
