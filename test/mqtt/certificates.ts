import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { temporaryFolder } from '../temporary-folder.ts'

const run = promisify(execFile)

/** PEM texts of a certificate authority and of what it signed; the files live as long as the test. */
export interface Certificates {
  readonly folder: string
  readonly ca: string
  readonly server: { readonly cert: string; readonly key: string }
  /** Of the client whose common name is `press7`. */
  readonly client: { readonly cert: string; readonly key: string }
}

/** Fresh certificates, valid for a day. */
export async function makeCertificates(): Promise<Certificates> {
  const folder = await temporaryFolder('certificates')
  const openssl = (...given: string[]) => run('openssl', given, { cwd: folder })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  await openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=test ca', '-days', '1')
  await writeFile(join(folder, 'server.ext'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
  await writeFile(join(folder, 'client.ext'), 'extendedKeyUsage=clientAuth\n')
  for (const [name, subject] of [
    ['server', '/CN=localhost'],
    ['client', '/CN=press7'],
  ] as const) {
    await openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject)
    const signing = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '1', '-extfile', `${name}.ext`]
    await openssl('x509', '-req', '-in', `${name}.csr`, ...signing, '-out', `${name}.crt`)
  }
  const read = (name: string) => readFile(join(folder, name), 'utf8')
  return {
    folder,
    ca: await read('ca.crt'),
    server: { cert: await read('server.crt'), key: await read('server.key') },
    client: { cert: await read('client.crt'), key: await read('client.key') },
  }
}
