import { chmodSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ConfigError } from '../../src/config/report/config-error.ts'
import { formatProblems } from '../../src/config/report/format-problems.ts'
import { readYamlConfig } from '../../src/config/parse-config.ts'

const valid =
  'listeners: [{ bind: ":8080", mode: l7, pool: web }]\npools: { web: { backends: ["10.0.0.1:80"] } }\n'

function messages(path: string): string {
  const result = readYamlConfig(path, {})
  return result.ok ? 'ok' : formatProblems(result.problems)
}

t.test('what is not a text is refused with a position and a cure', async (t) => {
  const dir = t.testdir({
    'empty.yaml': '',
    'bom.yaml': `\ufeff${valid}`,
    'crlf.yaml': valid.replaceAll('\n', '\r\n')
  })
  const file = (name: string, bytes: Uint8Array): string => {
    writeFileSync(join(dir, name), bytes)
    return join(dir, name)
  }
  mkdirSync(join(dir, 'directory'))
  symlinkSync(join(dir, 'loop'), join(dir, 'loop'))
  t.match(
    messages(join(dir, 'nothing.yaml')),
    /nothing\.yaml:1:1: error: cannot read the configuration: no such file; name the file with --config/
  )
  t.match(
    messages(join(dir, 'directory')),
    /directory:1:1: error: this is a directory; name the YAML file in it/
  )
  t.match(messages(join(dir, 'loop')), /:1:1: error: .*too many symbolic links/)
  t.match(messages(join(dir, 'empty.yaml', 'x')), /:1:1: error: .*not a directory/)
  t.match(messages(join(dir, 'empty.yaml')), /:1:1: error: the configuration is empty/)
  t.match(
    messages(file('latin1.yaml', Buffer.from('user: a\nlog: { level: caf\xe9 }', 'latin1'))),
    /:2:18: error: byte 0xe9 is not UTF-8; save the file as UTF-8/
  )
  t.match(
    messages(file('elf', Buffer.from('7f454c46020101000000fe', 'hex'))),
    /:1:\d+: error: this is a binary file/
  )
  t.match(
    messages(file('nul.yaml', Buffer.from('user: \0'))),
    /:1:7: error: a control character is not allowed/
  )
  t.equal(messages(join(dir, 'bom.yaml')), 'ok')
  t.equal(messages(join(dir, 'crlf.yaml')), 'ok')
})

t.test('random bytes are refused, not thrown at', async (t) => {
  const dir = t.testdir()
  let seed = 1
  for (let round = 0; round < 50; round++) {
    const bytes = Buffer.alloc(2000)
    for (let i = 0; i < bytes.length; i++) {
      seed = (seed * 48_271) % 2_147_483_647
      bytes[i] = seed >> 8
    }
    writeFileSync(join(dir, 'garbage'), bytes)
    t.match(messages(join(dir, 'garbage')), /garbage:\d+:\d+: error: /)
  }
})

t.test('a file over 10 MB is not read', async (t) => {
  const file = join(t.testdir({ 'huge.yaml': '' }), 'huge.yaml')
  truncateSync(file, 10 * 1024 * 1024 + 1)
  const began = performance.now()
  t.match(messages(file), /:1:1: error: the file is over 10 MB/)
  t.match(messages('/dev/zero'), /:1:1: error: the file is over 10 MB/)
  t.ok(performance.now() - began < 5000)
})

t.test(
  'a file that may not be read says so',
  { skip: process.getuid?.() === 0 && 'root reads all' },
  async (t) => {
    const file = join(t.testdir({ 'secret.yaml': valid }), 'secret.yaml')
    chmodSync(file, 0o000)
    t.match(messages(file), /permission denied/)
  }
)

t.test('secrets and paths count from the directory of the file', async (t) => {
  const dir = t.testdir({
    'token.txt': 's3cret\n',
    'empty.txt': '\n',
    'lb.yaml': `${valid}admin: { bind: "127.0.0.1:0", token: "file:token.txt" }\n`,
    'bad.yaml': `${valid}admin: { bind: "127.0.0.1:0", token: "file:empty.txt" }\n`,
    'tls.yaml': `listeners: [{ bind: "unix:lb.sock", mode: l4, pool: web, tls: { certificates: { cert: a.crt, key: /b.key } } }]\npools: { web: { backends: ["unix:run/x.sock"], tls: { ca: ca.pem } } }\n`
  })
  const result = readYamlConfig(join(dir, 'lb.yaml'), {})
  t.equal(result.ok && result.config.admin?.token, 's3cret')
  t.match(messages(join(dir, 'bad.yaml')), /:3:38: error: .*empty\.txt is empty; a secret is expected in it/)
  const tls = readYamlConfig(join(dir, 'tls.yaml'), {})
  if (!tls.ok) throw new ConfigError(tls.problems)
  t.match(tls.config, {
    file: join(dir, 'tls.yaml'),
    listeners: [
      {
        binds: [{ path: join(dir, 'lb.sock') }],
        tls: { certificates: [{ cert: join(dir, 'a.crt'), key: '/b.key' }] }
      }
    ],
    pools: {
      web: {
        backends: [{ name: 'unix:run/x.sock', address: { path: join(dir, 'run/x.sock') } }],
        tls: { ca: join(dir, 'ca.pem') }
      }
    }
  })
})
