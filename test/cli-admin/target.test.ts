import t from 'tap'
import { join } from 'node:path'
import { findTarget } from '../../src/cli/admin-client/target.ts'

const lb = (admin: string) => `
${admin}
listeners: [{ bind: "127.0.0.1:8080", mode: l7, pool: web }]
pools: { web: { backends: ["127.0.0.1:9000"] } }
`

t.test('an address is taken in any usual form', async (t) => {
  const find = (admin: string) => findTarget({ admin, configNamed: false }, {})
  t.strictSame(find('http://10.0.0.1:9900'), {
    text: 'http://10.0.0.1:9900',
    origin: 'http://10.0.0.1:9900',
    implied: false
  })
  t.equal(find('*:9911').origin, 'http://127.0.0.1:9911')
  t.equal(find('0.0.0.0:9911').origin, 'http://127.0.0.1:9911')
  t.equal(find('[::]:9911').origin, 'http://[::1]:9911')
  t.equal(find('localhost').origin, 'http://localhost:9900', 'a host alone')
  t.equal(find('10.0.0.1').origin, 'http://10.0.0.1:9900')
  t.throws(() => find('/run/lb.sock'), { exitCode: 2, message: 'did you mean unix:/run/lb.sock?' })
  t.equal(find('27291').origin, 'http://127.0.0.1:27291')
  t.equal(find('10.0.0.1:9900/').origin, 'http://10.0.0.1:9900')
  t.equal(find(':9900').origin, 'http://127.0.0.1:9900')
  t.equal(find('[::1]:9900').origin, 'http://[::1]:9900')
  t.equal(find('https://lb.internal').origin, 'https://lb.internal')
  t.match(find('unix:/run/lb.sock'), { text: 'unix:/run/lb.sock', socketPath: '/run/lb.sock' })
  for (const bad of ['http://', '10.0.0.1:99999', 'http://x/api', '']) {
    t.throws(() => find(bad), { exitCode: 2, message: /--admin/ }, bad)
  }
})

t.test('without anything it is 127.0.0.1:9900', async (t) => {
  t.equal(
    findTarget({ config: join(t.testdir(), 'lb.yaml'), configNamed: false }, {}).origin,
    'http://127.0.0.1:9900'
  )
})

t.test('the configuration tells address and token, the command line comes first', async (t) => {
  const dir = t.testdir({
    'lb.yaml': lb('admin: { bind: "0.0.0.0:9911", token: "${TOKEN}" }'),
    'v6.yaml': lb('admin: { bind: "[::]:9912", token: x }'),
    'none.yaml': lb(''),
    'bad.yaml': 'listeners: 5'
  })
  const env = { TOKEN: 'from-file' }
  const config = join(dir, 'lb.yaml')
  t.match(findTarget({ config, configNamed: true }, env), {
    origin: 'http://127.0.0.1:9911',
    token: 'from-file'
  })
  t.match(findTarget({ config, configNamed: false }, env), {
    origin: 'http://127.0.0.1:9911',
    token: 'from-file'
  })
  t.equal(findTarget({ config: join(dir, 'v6.yaml'), configNamed: true }, env).origin, 'http://[::1]:9912')
  t.match(findTarget({ config, configNamed: true, admin: ':1', token: 'mine' }, env), {
    origin: 'http://127.0.0.1:1',
    token: 'mine'
  })
  t.equal(findTarget({ config, configNamed: true }, { ...env, LB_ADMIN_TOKEN: 'env' }).token, 'env')
  t.equal(
    findTarget({ config, configNamed: false, admin: ':1' }, env).token,
    undefined,
    'the token of ./lb.yaml is not sent to another address'
  )
  t.throws(() => findTarget({ config: join(dir, 'none.yaml'), configNamed: true }, env), {
    message: /admin\.bind/
  })
  t.throws(() => findTarget({ config: join(dir, 'bad.yaml'), configNamed: true }, env), {
    name: 'CliError'
  })
  t.throws(() => findTarget({ config: join(dir, 'gone.yaml'), configNamed: true }, env), {
    name: 'CliError',
    exitCode: 2
  })
})

t.test('a file that is there decides, whatever is wrong with the rest of it', async (t) => {
  const admin = 'admin: { bind: "127.0.0.1:9911", token: x }\n'
  const dir = t.testdir({
    'no-pool.yaml': `${admin}listeners: [{ bind: ":80", mode: l7, pool: nope }]\n`,
    'unset.yaml': `${admin}listeners: [{ bind: "\${NOT_SET}", mode: l7, pool: web }]\n`,
    'late.yaml': `${admin}listeners: [{ bind: ":80", mode: l7\npools:\n`,
    'early.yaml': `listeners: [{ bind: ":80", mode: l7\n${admin}`,
    'lone.yaml': 'admin: 127.0.0.1:9911\n',
    'none.yaml': lb(''),
    'typo.yaml': lb('admin: { bind: "localhost:abc" }'),
    'folder.yaml': {}
  })
  for (const configNamed of [true, false]) {
    const find = (file: string) => findTarget({ config: join(dir, file), configNamed }, {})
    for (const file of ['no-pool.yaml', 'unset.yaml', 'late.yaml', 'early.yaml', 'lone.yaml'])
      t.equal(find(file).origin, 'http://127.0.0.1:9911', file)
    for (const file of ['none.yaml', 'typo.yaml', 'folder.yaml'])
      t.throws(() => find(file), { name: 'CliError', message: /--admin|a directory|port number/ }, file)
  }
})
