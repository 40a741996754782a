import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { introspectionSchema } from '../../../../src/l7/stages/auth/introspection/keys.ts'
import { Remembered } from '../../../../src/l7/stages/auth/asking/remembered.ts'
import { judgeAnswer } from '../../../../src/l7/stages/auth/introspection/judge-answer.ts'
import type { Proven } from '../../../../src/l7/stages/auth/auth-method.ts'
import { authLab } from './auth-lab.ts'

interface Question {
  readonly token: string
  readonly form: URLSearchParams
  readonly authorization: string | undefined
}

/** Answers what `say` returns; undefined: never. */
async function server(t: Test, say: (question: Question) => { status?: number; body: string } | undefined) {
  const asked: Question[] = []
  const http = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const form = new URLSearchParams(Buffer.concat(parts).toString())
      const question = { token: form.get('token')!, form, authorization: request.headers.authorization }
      asked.push(question)
      const answer = say(question)
      if (answer === undefined) return
      response.writeHead(answer.status ?? 200, { 'content-type': 'application/json' }).end(answer.body)
    })
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    http.closeAllConnections()
    http.close()
  })
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/introspect`, asked }
}

const alice = { active: true, sub: 'alice', scope: 'read write', aud: ['api'], iss: 'https://idp.example' }
const client = { clientId: 'lb:x', clientSecret: 's cret' }

t.test('an opaque token is accepted if its issuer says so, and the issuer is asked once', async (t) => {
  const { url, asked } = await server(t, ({ token }) => ({
    body: JSON.stringify(token === 'good' ? { ...alice, groups: ['ops'] } : { active: false })
  }))
  const introspection = {
    url,
    ...client,
    audience: 'api',
    issuer: alice.iss,
    roles: 'groups',
    cache: '1h',
    timeout: '30s'
  }
  const { ask, lab } = await authLab(t, {
    auth: { methods: [{ introspection }], guesses: false },
    require: { roles: 'ops', scopes: 'read' },
    identity: { header: 'x-user', strip: true }
  })
  const both = await Promise.all([
    ask('Authorization: Bearer good\r\n'),
    ask('Authorization: bearer good\r\n')
  ])
  t.same(both.map(({ status }) => status), [200, 200]) // prettier-ignore
  t.equal(asked.length, 1, 'two at once are one question')
  const again = await ask('Authorization: Bearer good\r\n')
  t.equal(again.status, 200)
  t.match(again.head, 'x-user: alice\r\n')
  t.notMatch(again.head, 'good')
  t.equal(asked.length, 1, 'and it is remembered')
  t.equal(asked[0]!.authorization, `Basic ${Buffer.from('lb%3Ax:s+cret').toString('base64')}`)
  t.equal(asked[0]!.form.get('token_type_hint'), 'access_token')
  t.notOk(asked[0]!.form.has('client_secret'))

  const bad = await ask('Authorization: Bearer bad\r\n')
  t.equal(bad.status, 401)
  t.match(bad.text, 'WWW-Authenticate: Bearer realm="web", error="invalid_token"\r\n')
  for (const fields of [
    '',
    'Authorization: Basic Z29vZA==\r\n',
    'Authorization: Bearer \r\n',
    'Authorization: Bearer a b\r\n',
    'Authorization: Bearer good\r\nAuthorization: Bearer good\r\n',
    `Authorization: Bearer ${'a'.repeat(20_000)}\r\n`
  ])
    // prettier-ignore
    t.not((await ask(fields)).status, 200, fields.slice(0, 60))
  t.equal(asked.length, 2, 'what is no token is not asked about')
  const lines = lab.log.lines.map((line) => JSON.stringify(line)).join('\n')
  t.match(lines, 'the token is not active')
  t.notMatch(lines, /Bearer|cret/)
})

t.test('whatever else is answered, or nothing, lets nobody in', async (t) => {
  const answers: Record<string, { status?: number; body: string } | undefined> = {
    'e500': { status: 500, body: JSON.stringify(alice) },
    'e401': { status: 401, body: JSON.stringify(alice) },
    'e204': { status: 204, body: '' },
    'redirect': { status: 302, body: JSON.stringify(alice) },
    'empty': { body: '' },
    'html': { body: '<html>' },
    'list': { body: JSON.stringify([alice]) },
    'null': { body: 'null' },
    'silent': { body: JSON.stringify({ ...alice, active: undefined }) },
    'text': { body: JSON.stringify({ ...alice, active: 'true' }) },
    'one': { body: JSON.stringify({ ...alice, active: 1 }) },
    'huge': { body: JSON.stringify({ ...alice, junk: 'x'.repeat(100_000) }) },
    'cut': { body: JSON.stringify(alice).slice(0, -1) },
    'hangs': undefined
  } // prettier-ignore
  const { url, asked } = await server(t, ({ token }) => answers[token as keyof typeof answers])
  const introspection = { url, ...client, clientAuth: 'post', timeout: '2s' }
  const { ask } = await authLab(t, { auth: { methods: [{ introspection }], guesses: false } })
  for (const token of Object.keys(answers)) {
    const { status, text } = await ask(`Authorization: Bearer ${token}\r\n`)
    t.equal(status, 503, token)
    t.match(text, 'LB_AUTH_UNAVAILABLE', token)
  }
  t.equal(asked[0]!.form.get('client_secret'), client.clientSecret)
  t.equal(asked[0]!.authorization, undefined)
  const dead = await authLab(t, {
    auth: [{ introspection: { ...introspection, url: 'http://127.0.0.1:1/' } }]
  })
  t.equal((await dead.ask('Authorization: Bearer x\r\n')).status, 503)
})

t.test('what an answer must say', (t) => {
  const now = 1_000_000_000_000
  const input = introspectionSchema.parse({ url: 'http://a/', ...client, audience: 'api', issuer: alice.iss })
  const judge = (more: object) =>
    judgeAnswer(
      { status: 200, fields: new Map(), body: Buffer.from(JSON.stringify({ ...alice, ...more })) },
      input,
      now
    )
  t.match(judge({}), { until: Infinity })
  t.match(judge({ exp: now / 1000 + 5 }), { until: now + 65_000 })
  t.match(judge({ aud: 'api' }), { proven: { identity: { name: 'alice', scopes: ['read', 'write'] } } })
  const wrong = [
    { active: false }, { iss: 'https://other.example' }, { iss: undefined }, { aud: 'web' }, { aud: undefined }, { aud: [['api']] },
    { exp: now / 1000 - 61 }, { exp: String(now) }, { exp: -1 }, { exp: null }, { nbf: now / 1000 + 61 }, { nbf: 'x' },
    { sub: undefined }, { sub: '' }, { sub: 1 }, { sub: 'x'.repeat(2000) }, { cnf: { jkt: 'x' } }
  ] // prettier-ignore
  for (const more of wrong) t.match(judge(more), { denied: { error: 'invalid_token' } }, JSON.stringify(more))

  const tokens = new Remembered<Proven>(2)
  const proven = {} as Proven
  for (const token of ['a', 'b', 'c']) tokens.put(token, proven, 100)
  t.strictSame(
    [tokens.size, tokens.get('a', 0), tokens.get('c', 99), tokens.get('c', 100)],
    [2, undefined, proven, undefined]
  )
  new Remembered<Proven>(0).put('a', proven, 100)
  t.end()
})

t.test('a JWT goes to its own method, and what that does not know to introspection', async (t) => {
  const { url, asked } = await server(t, () => ({ body: JSON.stringify(alice) }))
  const jwt = { issuer: 'https://idp.example', audience: 'api', secret: 'x'.repeat(32) }
  const introspection = { url, ...client, timeout: '30s' }
  const { ask } = await authLab(t, { auth: [{ jwt }, { introspection }], identity: { header: 'x-user' } })
  t.match((await ask('Authorization: Bearer opaque\r\n')).head, 'x-user: alice\r\n')
  const forged = [{ alg: 'HS256' }, { iss: jwt.issuer }, {}].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')) // prettier-ignore
  t.equal((await ask(`Authorization: Bearer ${forged.join('.')}\r\n`)).status, 401)
  t.equal(asked.length, 1, 'a forged JWT is decided by the method that knows it')
})
