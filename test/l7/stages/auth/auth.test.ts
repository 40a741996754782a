import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSecretKey } from 'node:crypto'
import t from 'tap'
import { configFromObject } from '../../../../src/config/parse-config.ts'
import { isForOneUser } from '../../../../src/l7/cache/policy/storable.ts'
import { responseDirectives } from '../../../../src/l7/cache/policy/response-directives.ts'
import type { CacheRequest } from '../../../../src/l7/cache/ports.ts'
import { HeaderBlock } from '../../../../src/l7/message/header-block.ts'
import { authLab } from './auth-lab.ts'
import { signed } from './issuer.ts'

const sha256 = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`
const keys = { alice: ['old-alice-key', 'new-alice-key'], bob: sha256('bobs-key'), unset: '' }
const apiKeys = { keys, roles: { alice: ['admin', 'ops'] } }

t.test('an API key lets in by its name, several at once, plain or by digest', async (t) => {
  const { ask, lab } = await authLab(t, {
    auth: [{ apiKeys }],
    identity: { header: 'X-User', roles: 'X-Roles' }
  })
  for (const [key, name, roles] of [
    ['old-alice-key', 'alice', 'admin,ops'],
    ['new-alice-key', 'alice', 'admin,ops'],
    ['bobs-key', 'bob', ''],
    ['bobs-key', 'bob', '']
  ]) {
    const { status, head } = await ask(`X-Api-Key: ${key}\r\n`)
    t.equal(status, 200)
    t.match(head, `X-User: ${name}\r\n`)
    t.match(head, `X-Roles: ${roles}\r\n`)
    t.match(head, `X-Api-Key: ${key}\r\n`, 'what is not stripped goes on')
  }
  for (const fields of [
    '',
    'X-Api-Key: \r\n',
    'X-Api-Key: old-alice-ke\r\n',
    'X-Api-Key: old-alice-keyx\r\n',
    `X-Api-Key: ${keys.bob}\r\n`,
    'X-Api-Key: old-alice-key\r\nX-Api-Key: old-alice-key\r\n',
    'X_Api_Key: old-alice-key\r\n',
    'Cookie: x-api-key=old-alice-key\r\n'
  ]) {
    const { status, text, head } = await ask(fields)
    t.equal(status, 401, fields)
    t.match(text, 'WWW-Authenticate: ApiKey realm="web", header="x-api-key"\r\n')
    t.equal(head, undefined)
  }
  const lines = lab.log.lines.map((line) => JSON.stringify(line))
  t.ok(lines.some((line) => line.includes('access refused') && line.includes('unknown API key')))
  t.ok(lines.some((line) => line.includes('access refused') && line.includes('"method":"GET","host":"example.test","path":"/')), 'what was asked for') // prettier-ignore
  t.notOk(
    lines.some((line) => line.includes('alice-key')),
    'no key stands in the log'
  )
})

t.test(
  'where the key stands is a matter of configuration, and strip takes it out of what goes on',
  async (t) => {
    const places = { header: 'authorization', prefix: 'Bearer', query: 'key', cookie: 'key' }
    const { ask } = await authLab(t, {
      auth: [{ apiKeys: { ...apiKeys, ...places } }],
      identity: { strip: true }
    })
    const header = await ask('Authorization: bearer old-alice-key\r\n')
    t.equal(header.status, 200)
    t.notMatch(header.head, /authorization/i)
    const query = await ask('', '/p?a=1&key=old-alice-key&b=2&KEY=old-alice-key&k%65y=old-alice-key')
    t.equal(query.status, 200)
    t.match(query.head, 'GET /p?a=1&b=2 HTTP')
    const only = await ask('', '/p?key=old-alice-key')
    t.match(only.head, 'GET /p HTTP')
    const cookie = await ask('Cookie: a=1; key=old-alice-key\r\nCookie: b=2\r\n')
    t.equal(cookie.status, 200)
    t.match(cookie.head, 'Cookie: a=1; b=2\r\n')
    t.notMatch(cookie.head, 'alice')
    t.equal((await ask('Authorization: Basic old-alice-key\r\n')).status, 401)
  }
)

t.test(
  'keys in a file are read again when it changes, and stay in force when it cannot be read',
  async (t) => {
    const file = join(t.testdir(), 'keys')
    writeFileSync(file, `# who may\nalice first-key admin,ops\nbob ${sha256('second')}\n`)
    const listener = {
      auth: { methods: [{ apiKeys: { keys: `file:${file}` } }], guesses: false },
      identity: { header: 'x-user', roles: 'x-roles' }
    }
    const { ask } = await authLab(t, listener)
    t.match((await ask('X-Api-Key: first-key\r\n')).head, /x-user: alice\r\n.*x-roles: admin,ops\r\n/s)
    t.match((await ask('X-Api-Key: second\r\n')).head, 'x-user: bob\r\n')
    writeFileSync(file, 'carol third-key\n')
    const late = AbortSignal.timeout(5000)
    while ((await ask('X-Api-Key: third-key\r\n')).status !== 200) {
      if (late.aborted) return void t.fail('the new file is not read')
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    t.equal((await ask('X-Api-Key: first-key\r\n')).status, 401)
  }
)

t.test('roles are required: any of them, or all', async (t) => {
  for (const [rule, status] of [
    [{ roles: ['admin'] }, 200],
    [{ roles: 'admin' }, 200],
    [{ roles: ['root', 'ops'] }, 200],
    [{ roles: ['root', 'ops'], match: 'all' }, 403],
    [{ roles: ['admin', 'ops'], match: 'all' }, 200],
    [{ roles: ['root'] }, 403],
    [{ roles: ['root'], shadow: true }, 200],
    [{ scopes: ['read'] }, 403],
    [{ claims: { tenant: 'a' } }, 403],
    [{}, 200]
  ] as const) {
    const { ask } = await authLab(t, { auth: [{ apiKeys }], require: rule })
    const answer = await ask('X-Api-Key: old-alice-key\r\n')
    t.equal(answer.status, status, JSON.stringify(rule))
    t.notMatch(answer.text, 'root')
    t.equal((await ask()).status, 401)
  }
})

t.test(
  'optional: who shows nothing goes on without an identity, who shows something wrong does not',
  async (t) => {
    const auth = { methods: [{ apiKeys }], optional: true }
    const { ask } = await authLab(t, { auth, identity: { header: 'X-User' } })
    const nobody = await ask('X-User: root\r\n')
    t.equal(nobody.status, 200)
    t.notMatch(nobody.head, /user/i)
    t.equal((await ask('X-Api-Key: wrong\r\n')).status, 401)
    const strict = await authLab(t, { auth, require: { roles: ['admin'] } })
    t.equal((await strict.ask()).status, 403)
    const loose = await authLab(t, { auth, require: { roles: ['admin'], identity: false } })
    t.equal((await loose.ask()).status, 200)
  }
)

t.test('no spelling of the identity field gets through, in the head or in a trailer', async (t) => {
  const names = ['X-User', 'x-user', 'X_User', 'x_user', 'X-USER', 'X_USER', 'X.User', 'X!User', 'X~User', 'X-user', 'x-User', 'X_uSER', 'X+User', "X'User", 'X`User', 'X|User', 'X^User', 'X#User', 'X$User', 'X%User', 'X&User', 'X*User', 'x.USER', 'X_User_Role', 'x_user-role', 'X-User_Role', 'X.User.Role', 'X-USER-ROLE', 'X!User!Role', 'x-user-role', 'X~user~role', 'X|USER_role'] // prettier-ignore
  const identity = { header: 'X-User', roles: 'X-User-Role' }
  const { ask, heads, lab } = await authLab(t, { auth: { methods: [{ apiKeys }], optional: true }, identity })
  for (const name of names) {
    for (const key of ['', 'X-Api-Key: bobs-key\r\n']) {
      for (const value of [
        `${name}: root\r\n`,
        `${name}: root\r\n${name}: root\r\n`,
        `Connection: X-User\r\n${name}: root\r\n`
      ]) {
        const { status, head } = await ask(key + value)
        if (status !== 200) continue
        t.notMatch(head, 'root', `${key} ${value}`)
        if (key !== '') t.match(head, 'X-User: bob\r\n')
      }
    }
    const client = await lab.client()
    client.send(
      `POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTrailer: ${name}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n${name}: root\r\n\r\n`
    )
    await client.text('\r\n\r\nok')
    t.notMatch(heads.at(-1), name === 'X-User' ? 'X-User' : 'root')
  }
})

t.test('who guesses too often is answered 429, and a client that is known is not', async (t) => {
  const auth = { methods: [{ apiKeys }], guesses: { requests: 3, per: '1h' } }
  const { ask } = await authLab(t, { auth })
  t.equal((await ask('X-Api-Key: old-alice-key\r\n')).status, 200)
  for (let i = 0; i < 10; i++) t.equal((await ask()).status, 401, 'no credential is no guess')
  for (const status of [401, 401, 401, 429, 429]) {
    const { status: got, text } = await ask('X-Api-Key: guess\r\n')
    t.equal(got, status)
    if (got === 429) t.match(text, /Retry-After: 1200\r\n/)
  }
  t.equal((await ask('X-Api-Key: old-alice-key\r\n')).status, 200, 'it came from here before')
  t.equal((await ask('X-Api-Key: new-alice-key\r\n')).status, 200, 'the same name')
  t.equal((await ask('X-Api-Key: bobs-key\r\n')).status, 429, 'a right guess tells nothing')
})

t.test('responses to whoever has shown a credential are stored only where they say so', async (t) => {
  const asked = (headers: string, authenticated: boolean): CacheRequest => ({
    method: 'GET',
    scheme: 'http',
    host: 'a',
    path: '/',
    query: '',
    headers: new HeaderBlock(headers),
    authenticated
  })
  for (const [said, kept] of [
    ['max-age=60', false],
    ['public, max-age=60', true],
    ['s-maxage=60', true],
    ['must-revalidate, max-age=60', true],
    ['', false]
  ] as const) {
    const directives = responseDirectives(new HeaderBlock(`Cache-Control: ${said}\r\n`))
    t.equal(isForOneUser(asked('Cookie: session=1\r\n', true), directives), !kept, said)
    t.equal(isForOneUser(asked('Cookie: session=1\r\n', false), directives), false)
    t.equal(isForOneUser(asked('Authorization: x\r\n', false), directives), !kept)
  }
})

t.test('what cannot be meant is an error of the file', async (t) => {
  const pools = { web: { backends: ['127.0.0.1:1'] } }
  const problems = (listener: object): string => {
    const result = configFromObject({
      listeners: [{ name: 'web', bind: ':0', mode: 'l7', pool: 'web', ...listener }],
      pools
    })
    return result.ok
      ? result.warnings.map(({ message }) => message).join('\n')
      : result.problems.map(({ path, message }) => `${path}: ${message}`).join('\n')
  }
  t.match(problems({ require: { roles: ['a'] } }), 'there is no `auth` here')
  t.match(problems({ identity: { header: 'x-user' } }), 'there is never an identity')
  t.match(problems({ auth: [{}] }), 'names one of apiKeys')
  t.equal(problems({ auth: { apiKeys } }), '', 'a list of one may stand without its brackets')
  t.match(problems({ auth: { apiKeys, optional: true } }), 'belongs in an item of the list')
  t.match(problems({ auth: [{ apiKeys, clientCert: {} }] }), 'are in one item')
  t.match(problems({ auth: [{ apiKeys: { keys: 'alice' } }] }), 'file:')
  t.match(problems({ auth: [{ apiKeys: { keys: { a: 'sha256:12' } } }] }), '64 hex digits')
  t.equal(
    problems({ auth: [{ apiKeys }], identity: { header: 'x-user' }, require: { roles: ['admin'] } }),
    ''
  )
})

t.test('a rate limit by identity is asked once it is known', async (t) => {
  const rateLimit = [
    { requests: 2, per: '1h', key: 'identity' },
    { requests: 100, per: '1h', name: 'address' }
  ]
  const { ask } = await authLab(t, { auth: [{ apiKeys }], rateLimit })
  for (const status of [200, 200, 429]) t.equal((await ask('X-Api-Key: old-alice-key\r\n')).status, status)
  t.equal((await ask('X-Api-Key: new-alice-key\r\n')).status, 429, 'it is the name that counts')
  const bob = await ask('X-Api-Key: bobs-key\r\n')
  t.equal(bob.status, 200)
  t.match(bob.text, /RateLimit: "address";r=95;.*RateLimit: "default";r=1;/s)
})

t.test(
  'a credential that stands there twice, differently, proves nothing: a backend may read the other one',
  async (t) => {
    const jwt = { issuer: 'i', audience: 'a', secret: 's'.repeat(40), header: 'authorization', cookie: 'tok', query: 'token' } // prettier-ignore
    const key = createSecretKey('s'.repeat(40), 'utf8')
    const claims = { iss: 'i', aud: 'a', sub: 'alice', exp: Math.floor(Date.now() / 1000) + 600 }
    const good = signed({ alg: 'HS256' }, claims, key)
    const forged = signed({ alg: 'none' }, { ...claims, sub: 'root' }, undefined)
    const byToken = await authLab(t, { auth: [{ jwt }] })
    const byKey = await authLab(t, {
      auth: [{ apiKeys: { query: 'token', cookie: 'tok', keys: { alice: good } } }]
    })
    for (const { ask } of [byToken, byKey]) {
      for (const [fields, path] of [
        [`Cookie: tok=${good}; tok=${forged}\r\n`, '/'],
        [`Cookie: tok=${forged}; tok=${good}\r\n`, '/'],
        [`Cookie: tok=${good}\r\nCookie: a=b; tok=${forged}\r\n`, '/'],
        [`Cookie: tok=${good}; "tok"=${forged}\r\n`, '/'],
        ['', `/?token=${good}&token=${forged}`],
        ['', `/?token=${forged}&x=1&token=${good}`],
        ['', `/?token=${good}&t%6fken=${forged}`],
        ['', `/?token=${good}&token[]=${forged}`]
      ] as const) {
        const { status, head } = await ask(fields, path)
        t.equal(status, 401, fields || path)
        t.equal(head, undefined)
      }
      t.equal((await ask(`Cookie: tok=${good}; a=b; tok=${good}\r\n`)).status, 200, 'the same one twice')
      t.equal((await ask('', `/?token=${good}&token=${good}`)).status, 200)
    }
    const bearer = `Authorization: Bearer ${good}\r\n`
    t.equal((await byToken.ask(bearer, `/?token=${forged}`)).status, 401, 'in a field and in the query')
    t.equal((await byToken.ask(bearer, `/?token=${good}`)).status, 200)
    t.equal((await byToken.ask(`${bearer}Cookie: tok=old\r\n`)).status, 200, 'a cookie comes by itself')
  }
)
