import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Test } from 'tap'
import { testCertificates } from '../../net/certificates.ts'

/** What configurations name outside of themselves, by the key and the title of its text in the schema. */
export type OutsideWorld = (key: string, title: string) => readonly string[] | undefined

/** Files that are right, that are damaged, and that are missing; programs that nobody listens for. */
export function outsideWorld(t: Test): OutsideWorld {
  const folder = mkdtempSync(join(tmpdir(), 'lb-outside-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const at = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const authority = testCertificates()
  const ec = authority.leaf('example.com', '*.example.com')
  const rsa = authority.issue({ subject: '/CN=rsa', san: 'DNS:rsa.example.com', key: 'rsa' })
  const old = authority.issue({ san: 'DNS:old.test', from: '20200101000000Z', until: '20200201000000Z' })
  const crl = at('revoked.pem', authority.crl(old))
  const damaged = at('damaged.pem', ec.cert.slice(0, 300))
  const missing = join(folder, 'missing')
  mkdirSync(join(folder, 'pairs'))
  writeFileSync(join(folder, 'pairs', 'a.crt'), ec.cert)
  writeFileSync(join(folder, 'pairs', 'a.key'), ec.key)
  mkdirSync(join(folder, 'empty'))
  const page = at('page.html', '<h1>{status}</h1>')
  const list = at('list.json', '["127.0.0.1:1", { "address": "127.0.0.1:2", "weight": 3 }]')
  const users = at('users', 'alice:$2y$05$abcdefghijklmnopqrstuuQ2fEZZ2qIqgkzhTVmHqQmDbRkMbQyTe\n')
  const secret = at('secret', 'x'.repeat(40))
  const keys = at('keys.json', '{"keys":[]}')
  const plugins = join(folder, 'plugins')
  cpSync(resolve(import.meta.dirname, '../../../examples/plugins'), plugins, { recursive: true })
  const nobody = ['http://127.0.0.1:1/x', 'https://localhost:1/x', `unix:${missing}`]
  const texts = new Map<string, readonly string[]>([
    ['ca <file>', [authority.caFile, authority.caFile, damaged, missing]],
    ['cert <file>', [ec.files.cert, ec.files.cert, rsa.files.cert, old.files.cert, damaged, missing, folder]],
    ['key <file>', [ec.files.key, ec.files.key, rsa.files.key, old.files.key, ec.files.cert, missing]],
    ['dir <file>', [join(folder, 'pairs'), join(folder, 'empty'), missing]],
    ['crl <file>', [crl, damaged, missing]],
    ['file <file>', [join(folder, 'access.log'), join(folder, 'other.log'), join(missing, 'access.log'), folder, list]],
    ['file <>', [page, list, missing, folder]],
    ['storage <folder>', [join(folder, 'acme'), 'redis', users]],
    ['directory <authority>', ['https://127.0.0.1:1/directory', 'letsencrypt-staging.test', 'http://127.0.0.1:1']],
    ['url <authority>', ['https://127.0.0.1:1/directory', 'https://constructor/directory']],
    ['domains <domain>', ['example.com', '*.example.com', 'constructor.test', 'old.test']],
    ['email <>', ['ops@example.com', 'nobody']],
    ['hook <>', ['true', missing]],
    ['url <URL of a Redis>', ['redis://127.0.0.1:1', 'rediss://127.0.0.1:1', `redis+unix://${missing}`, 'redis+sentinel://127.0.0.1:1/front', 'http://127.0.0.1:1']],
    // The account of this process, which is not given up.
    ['user <>', ['root', 'no-such-account']],
    ['owner <>', ['root', 'no-such-account', '0']],
    ['group <>', ['root', 'no-such-group', '0']],
    ['dns <>', ['localhost', 'constructor.test', '_web._tcp.test']],
    ['servers <>', ['127.0.0.1:1', '[::1]:1']],
    ['http <URL>', nobody],
    ['url <URL>', nobody],
    ['ask <URL>', nobody],
    ['issuer <URL>', nobody],
    ['origin <URL>', ['https://example.com', 'http://127.0.0.1:8080']],
    ['users <>', [`file:${users}`, `file:${missing}`]],
    ['jwks <>', [`file:${keys}`, 'http://127.0.0.1:1/keys', `file:${missing}`]],
    ['keys <>', ['key-of-alice', `file:${secret}`, `file:${missing}`]],
    ['secret <>', ['x'.repeat(40), `file:${secret}`]],
    ['sessionSecret <>', ['x'.repeat(40), `file:${secret}`, 'short']],
    ['nonceSecret <>', ['x'.repeat(40), `file:${secret}`, 'short']],
    ['service <>', ['web', 'constructor', '__proto__']],
    ['label <>', ['lb', '__proto__']],
    ['plugins <plugin>', [...readdirSync(plugins).map((name) => join(plugins, name)), missing, page]],
    ['ciphers <>', ['ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256', 'nonsense', 'TLS_AES_128_GCM_SHA256']],
    ['cookie <>', ['lb', '__proto__', 'a b']],
    ['bind <address>', ['127.0.0.1:0', '127.0.0.1:0', '[::1]:0', `unix:${folder}/0.sock`, `unix:${folder}/1.sock`, `unix:${missing}/1.sock`]]
  ]) // prettier-ignore
  return (key, title) => texts.get(`${key} <${title}>`)
}
