import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Decoys } from '../../../../src/l7/stages/auth/basic/decoys.ts'
import { readHtpasswd } from '../../../../src/l7/stages/auth/basic/htpasswd.ts'
import { verifyPassword } from '../../../../src/l7/stages/auth/basic/verify-password.ts'
import { whyNotVerifiable } from '../../../../src/l7/stages/auth/basic/why-not-verifiable.ts'
import { authLab } from './auth-lab.ts'

// Made by openssl passwd, crypt(3), hashlib and the like, of "pässwörd".
const hashes = {
  apr1: '$apr1$saltsalt$i5XfNxJNeh2E8ljXycZFm0',
  md5: '$1$saltsalt$VReRfkQ8Hs1aayf/oxMkG/',
  sha256: '$5$saltsalt$JUyX9J5pA1EE4ZvGcIA.vpwPCUQ8GlJbo51r7M84au8',
  sha512: '$6$saltsalt$TQjRhpJdqmLx0U8it3EsUajwkmOMMvw5vhUFc7mohzFFoj/QHrfYUHU1oSkwyCEoTUCDOiAOW135nel3bqtKe.',
  scrypt: '$scrypt$ln=10,r=8,p=1$c29tZXNhbHQ$xj4OYyCgjZyL/bghnSra/3lxGFjfaV8DKfRDLWpYIfg',
  bcrypt: '$2b$06$htrtJdKAfl5vp8Y5wtEdYeClZTPnseAS7On7k1bpaFhZFKbLL.HWq',
  argon2: '$argon2id$v=19$m=1024,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$6DcnUg7MUx57XuG3wBGLtKRPKwgDalzs+n/FFxz6U/U'
} // prettier-ignore

const basic = (name: string, password: string): string =>
  `Authorization: Basic ${Buffer.from(`${name}:${password}`).toString('base64')}\r\n`

t.test('passwords are verified by every kind of hash', async (t) => {
  for (const [kind, hash] of Object.entries(hashes)) {
    if (whyNotVerifiable(hash) !== undefined) {
      t.equal(kind, 'argon2', 'an older Node')
      continue
    }
    t.ok(verifyPassword('pässwörd', hash), kind)
    for (const wrong of ['', 'passwort', 'pässwör', 'pässwördx', 'PÄSSWÖRD'])
      t.notOk(verifyPassword(wrong, hash), kind)
    t.notOk(verifyPassword('pässwörd', `${hash}x`), kind)
  }
  const long =
    '$6$rounds=1400$anotherlongsalts$xDbCbpLZU7NNkUPQCPwSQYYyYRIEWcnlwDJIJ50.mk6BRTcECbsYToNr0XvoFyNKx4E7PYrAwDxsehU.y.qSP0'
  t.ok(verifyPassword('hello world'.repeat(10), long))
  t.ok(verifyPassword('', '$5$abc$bBHLwRRW2Li0XKaX13kz/g2fkDil4Jx46aNvd.48MS8'))
  for (const hostile of [
    '$6$rounds=999999999$a$b',
    '$scrypt$ln=40,r=8,p=1$AA$AA',
    '$argon2id$v=19$m=9999999,t=1,p=1$AAAAAAAAAAA$AAAAAAAA',
    '$6$',
    '$5$x',
    'plain',
    '{SHA}x'
  ]) {
    t.notOk(verifyPassword('x', hostile), hostile)
  }
})

t.test('an htpasswd file is read, or its wrong line is reported by number only', async (t) => {
  t.same(
    [...readHtpasswd(`# users\n\nalice:${hashes.apr1}\r\nbob:${hashes.bcrypt}:comment\n`)],
    [
      ['alice', hashes.apr1],
      ['bob', hashes.bcrypt]
    ]
  )
  t.throws(() => readHtpasswd('alice:secret'), /^line 1: not a supported hash/)
  t.throws(() => readHtpasswd('\nalice'), /^line 2: expected/)
  t.throws(() => readHtpasswd('alice:{SHA}fEqNCco3Yq9h5ZUglD3CZJT4lBs='), 'line 1')
})

t.test('who knows name and password gets in, from a file that is read again when it changes', async (t) => {
  const file = join(t.testdir(), 'htpasswd')
  writeFileSync(file, `alice:${hashes.sha256}\nbob:${hashes.bcrypt}\n`)
  const auth = {
    methods: [{ basic: { users: `file:${file}`, roles: { alice: ['admin'] } } }],
    guesses: false
  }
  const { ask } = await authLab(t, { auth, identity: { header: 'x-user', roles: 'x-roles', strip: true } })
  const alice = await ask(basic('alice', 'pässwörd'))
  t.equal(alice.status, 200)
  t.match(alice.head, /x-user: alice\r\nx-roles: admin\r\n/)
  t.notMatch(alice.head, /authorization/i)
  t.equal((await ask(basic('bob', 'pässwörd'))).status, 200)
  for (const fields of [
    basic('alice', 'wrong'),
    basic('nobody', 'pässwörd'),
    basic('alice', ''),
    'Authorization: Basic !!\r\n',
    'Authorization: Basic YQ==\r\n',
    ''
  ]) {
    const { status, text, head } = await ask(fields)
    t.equal(status, 401, fields)
    t.match(text, 'WWW-Authenticate: Basic realm="web", charset="UTF-8"\r\n')
    t.equal(head, undefined)
  }
  writeFileSync(file, `bob:${hashes.bcrypt}\n`)
  const late = AbortSignal.timeout(5000)
  while ((await ask(basic('alice', 'pässwörd'))).status !== 401) {
    if (late.aborted) return void t.fail('who is taken out of the file still gets in')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
})

t.test(
  'hashing holds up no other request; what is too much is refused with 503; a pair is hashed once',
  async (t) => {
    const slow = '$6$rounds=40000$saltsalt$' + 'x'.repeat(86)
    const users = {
      alice: hashes.sha512,
      ...Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`user${i}`, slow]))
    }
    const listener = {
      pool: undefined,
      routes: [
        { match: { path: '/open' }, pool: 'web' },
        {
          match: {},
          pool: 'web',
          auth: { methods: [{ basic: { users, queue: 3, timeout: '30s' } }], guesses: false }
        }
      ]
    }
    const { ask } = await authLab(t, listener)
    t.equal((await ask(basic('alice', 'pässwörd'))).status, 200)
    const asked = Array.from({ length: 6 }, (_, i) => ask(basic(`user${i}`, 'x')))
    const done = Promise.all(asked).then(() => 'hashed')
    const opens = Promise.all(Array.from({ length: 5 }, () => ask('', '/open'))).then(() => 'open')
    t.equal(await Promise.race([done, opens]), 'open', 'the event loop is free meanwhile')
    t.equal((await ask(basic('alice', 'pässwörd'))).status, 200, 'a proven pair waits for nobody')
    const statuses = (await Promise.all(asked)).map(({ status }) => status).sort()
    t.same(statuses, [401, 401, 401, 503, 503, 503])
  }
)

t.test('guesses at one name are throttled, wherever they come from', async (t) => {
  const auth = {
    methods: [{ basic: { users: { alice: hashes.apr1, bob: hashes.apr1 } } }],
    guesses: { requests: 3, per: '1h' }
  }
  const { ask } = await authLab(t, { auth, trustedProxies: ['127.0.0.1'] })
  const from = (ip: number, name: string, password: string) =>
    ask(`X-Forwarded-For: 192.0.2.${ip}\r\n${basic(name, password)}`)
  t.equal((await from(9, 'alice', 'pässwörd')).status, 200)
  for (const [index, status] of [401, 401, 401, 429, 429].entries()) {
    t.equal((await from(index, 'alice', `guess${index}`)).status, status)
  }
  t.equal((await from(77, 'alice', 'pässwörd')).status, 200, 'a proven pair is no guess')
  t.equal((await from(77, 'bob', 'pässwörd')).status, 200)
})

t.test('unknown names take the times of the kinds of the file, each name always the same', async (t) => {
  const salted = (i: number) => `$6$salt${i}$${'x'.repeat(86)}`
  const users = new Map([
    ...Array.from(
      { length: 60 },
      (_, i) => [`bcrypt${i}`, `$2${'aby'[i % 3]!}$12$${String(i).padEnd(53, 'x')}`] as const
    ),
    ...Array.from({ length: 30 }, (_, i) => [`sha${i}`, salted(i)] as const),
    ['costly', '$6$rounds=400000$salt$x'],
    ...Array.from({ length: 9 }, (_, i) => [`scrypt${i}`, `$scrypt$ln=14,r=8,p=1$c29tZXNhbHQ$a${i}`] as const)
  ])
  const names = Array.from({ length: 2000 }, (_, i) => `nobody${i}`)
  const of = (file: ReadonlyMap<string, string>) => {
    const decoys = new Decoys(file)
    return names.map((name) => decoys.of(name))
  }
  const first = of(users)
  const share = (start: string) => first.filter((hash) => hash.startsWith(start)).length / names.length
  for (const [start, right] of Object.entries({ $2: 0.6, $6$salt: 0.3, $6$rounds: 0.01, $scrypt: 0.09 }))
    t.ok(Math.abs(share(start) - right) < 0.05 && share(start) > 0, `${start}: ${share(start)}`)
  t.strictSame(of(new Map([...users].reverse())), first, 'whatever the order, so in every thread')
  const grown = of(new Map([...users, ['new', salted(99)]]))
  t.ok(grown.filter((hash, i) => hash !== first[i]).length < 100, 'one more user moves few of them')
  t.strictSame(
    of(new Map()),
    names.map(() => new Decoys(new Map()).of('x'))
  )
})

t.test('in a file of two kinds, an unknown name may be as quick as the quick one', async (t) => {
  const users = {
    slow: `$6$rounds=400000$saltsalt$${'x'.repeat(86)}`,
    quick: hashes.md5,
    quicker: hashes.apr1
  }
  const decoys = new Decoys(new Map(Object.entries(users)))
  const names = Array.from({ length: 50 }, (_, i) => `nobody${i}`)
  const quick = names.filter((name) => !decoys.of(name).startsWith('$6$')).slice(0, 4)
  const slow = names.find((name) => decoys.of(name).startsWith('$6$'))!
  const { ask } = await authLab(t, {
    auth: { methods: [{ basic: { users, timeout: '60s' } }], guesses: false }
  })
  const ms = async (name: string): Promise<number> => {
    const from = performance.now()
    t.equal((await ask(basic(name, 'x'))).status, 401)
    return performance.now() - from
  }
  await ms('quick')
  const times = []
  for (const name of quick) times.push(await ms(name))
  t.ok(Math.min(...times) * 2 < (await ms(slow)), `${times.join(', ')}`)
})
