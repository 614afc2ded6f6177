import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { RawClient } from '../kafka-clients/raw-client.ts'
import { createTopics } from '../kafka-clients/requests.ts'
import { commit, committed, enter, heartbeat } from './raw-group.ts'
import { until } from '../until.ts'
import { temporaryFolder } from '../temporary-folder.ts'

const PROGRAM = fileURLToPath(new URL('broker-process.ts', import.meta.url))
const KILLS = Number(process.env.GROUP_KILLS ?? 5)
const LOADING = 14

class Broker {
  readonly #child: ChildProcess
  readonly #port: Promise<number>

  constructor(t: TestContext, directory: string) {
    this.#child = spawn(process.execPath, [PROGRAM, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#port = once(this.#child.stdout!, 'data').then(([text]) => Number(String(text)))
    t.after(() => this.#child.kill('SIGKILL'))
  }

  async connect(): Promise<RawClient> {
    return RawClient.connect({ host: '127.0.0.1', port: await this.#port })
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }
}

async function loaded(client: RawClient): Promise<number> {
  let offset = -1
  await until(async () => {
    const found = await committed(client, 'g')
    if (!Array.isArray(found)) assert.equal(found.error, LOADING)
    else offset = found[0]!
    return Array.isArray(found)
  })
  return offset
}

test('what was committed is there after kill -9, and the members go on in their generation', async (t) => {
  const directory = await temporaryFolder('groups')
  let broker = new Broker(t, directory)
  let client = await broker.connect()
  await createTopics(client, [{ name: 't' }])
  const member = await enter(client, 'g')
  assert.equal(member.generation, 1)
  let acknowledged = -1
  let sent = 0
  for (let kill = 0; kill < KILLS; kill++) {
    const over = delay(100 + 40 * kill).then(() => 'over' as const)
    for (;;) {
      const outcome = await Promise.race([over, commit(client, 'g', ++sent, member)])
      if (outcome === 'over') break
      assert.equal(outcome, 0)
      acknowledged = sent
    }
    await broker.kill()
    broker = new Broker(t, directory)
    client = await broker.connect()
    const found = await loaded(client)
    assert.ok(found >= acknowledged && found <= sent, `acknowledged ${acknowledged}, sent ${sent}, found ${found}`)
    assert.equal(await heartbeat(client, 'g', member), 0)
  }
  t.diagnostic(`${acknowledged} commits were acknowledged over ${KILLS} kills`)
  client.close()
  await broker.kill()
})
