import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** PEM texts of an authority, and of what it signed for a client whose common name is `millrace`. */
export interface KafkaCertificates {
  readonly ca: string
  readonly client: { readonly cert: string; readonly key: string }
}

/** Makes an authority, a broker's certificate (`server.pem`: key and certificate) and a client's in a folder. */
export async function makeKafkaCertificates(folder: string): Promise<KafkaCertificates> {
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder })
  const key = ['-newkey', 'rsa:2048', '-nodes']
  await openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=test ca', '-days', '1')
  await writeFile(join(folder, 'server.ext'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
  await writeFile(join(folder, 'client.ext'), 'extendedKeyUsage=clientAuth\n')
  for (const [name, subject] of [
    ['server', '/CN=localhost'],
    ['client', '/CN=millrace'],
  ] as const) {
    await openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject)
    const signing = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '1', '-extfile', `${name}.ext`]
    await openssl('x509', '-req', '-in', `${name}.csr`, ...signing, '-out', `${name}.crt`)
  }
  const read = (name: string) => readFile(join(folder, name), 'utf8')
  await writeFile(join(folder, 'server.pem'), (await read('server.key')) + (await read('server.crt')))
  return { ca: await read('ca.crt'), client: { cert: await read('client.crt'), key: await read('client.key') } }
}
