import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { test, type TestContext } from 'node:test'
import { Secret } from '../../system/secret.ts'
import { freePorts } from '../../../tools/free-ports.ts'
import { alarm, CONTEXT, reachable } from '../../../test/sinks/peers.ts'
import { mailSpec } from './spec.ts'
import { singleLine } from './text.ts'
import { until } from '../../../test/until.ts'

const PYTHON = '/usr/bin/python3'

interface Server {
  readonly url: string
  /** What has come up to now. */
  printed(): string
  /** All of it once a mail is there. */
  message(): Promise<string>
}

/** Python's own SMTP server, which prints what it takes. */
async function smtpServer(t: TestContext): Promise<Server | undefined> {
  if (spawnSync(PYTHON, ['-W', 'ignore', '-c', 'import smtpd']).status !== 0) return undefined
  const [port] = await freePorts(1)
  const args = ['-W', 'ignore', '-u', '-m', 'smtpd', '-n', '-c', 'smtpd.DebuggingServer', `127.0.0.1:${port}`]
  const server = spawn(PYTHON, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => server.kill('SIGKILL'))
  let text = ''
  server.stdout.on('data', (part: Buffer) => (text += part.toString()))
  await reachable(port!)
  const message = async () => {
    await until(() => text.includes('END MESSAGE'))
    return text
  }
  return { url: `smtp://127.0.0.1:${port}`, printed: () => text, message }
}

const BASE = { sender: 'millrace@example.com', to: ['shift@example.com'] }
const signal = new AbortController().signal

test('alarms arrive at an SMTP server', async (t) => {
  const server = await smtpServer(t)
  if (server === undefined) return t.skip('the smtpd of Python is not installed')
  const config = mailSpec.config.parse({ ...BASE, server: server.url, plain: true })
  const mail = mailSpec.create(config, CONTEXT)
  t.after(() => mail.close())
  await mail.deliver([alarm(7), alarm(8, { message: 'two\r\nBcc: eve@example.com\r\n\r\nlines' })], signal)
  const printed = await server.message()
  assert.match(printed, /^b'Subject: =\?UTF-8\?Q\?=5Bhigh=5D_Check_=22press7=22/m)
  assert.match(printed, /To: shift@example\.com/)
  assert.match(printed, /raise hot \(high\)/)
  assert.match(printed, /acme\/berlin\/line1\/press8/)
  assert.match(printed, /Auto-Submitted: auto-generated/)
})

test('no line is smuggled into the head of a mail', async (t) => {
  const server = await smtpServer(t)
  if (server === undefined) return t.skip('the smtpd of Python is not installed')
  const mail = mailSpec.create(mailSpec.config.parse({ ...BASE, server: server.url, plain: true }), CONTEXT)
  t.after(() => mail.close())
  await mail.deliver([alarm(8, { message: 'two\r\nBcc: eve@example.com\r\n\r\nlines' })], signal)
  const [head = assert.fail()] = (await server.message()).split(/^b''$/m)
  assert.match(head, /^b'Subject: /m)
  assert.doesNotMatch(head, /^b?'?Bcc:/m)
  assert.equal(singleLine('a\r\nb\u2028c', 100), 'a b c')
  assert.equal(singleLine('x'.repeat(200), 10), 'xxxxxxx...')
})

test('a server without TLS gets nothing unless the config says so', async (t) => {
  const server = await smtpServer(t)
  if (server === undefined) return t.skip('the smtpd of Python is not installed')
  const mail = mailSpec.create(mailSpec.config.parse({ ...BASE, server: server.url }), CONTEXT)
  t.after(() => mail.close())
  await assert.rejects(mail.deliver([alarm(7)], signal))
  assert.equal(server.printed(), '')
})

test('a password never goes out in clear text', () => {
  const given = { ...BASE, server: 'smtp://mail.example.com', user: 'u', password: new Secret('p') }
  assert.equal(mailSpec.config.safeParse(given).success, true)
  assert.equal(mailSpec.config.safeParse({ ...given, plain: true }).success, false)
  assert.equal(mailSpec.config.safeParse({ ...BASE, server: 'http://mail.example.com' }).success, false)
})
