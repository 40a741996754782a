import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { formatProblems } from '../../src/config/report/format-problems.ts'
import { lb, Lb } from './lb.ts'

const bin = join(import.meta.dirname, '../../bin/lb.js')
const valid =
  'listeners: [{ bind: "127.0.0.1:0", mode: l7, pool: web }]\npools: { web: { backends: ["127.0.0.1:9"] } }\n'

t.test('lb check opens what the file names, and says all of it at once', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const dir = t.testdir({ 'garbage.pem': 'hello\n' })
  const make = (name: string) =>
    execFileSync(
      'openssl',
      `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ${name}.key -out ${name}.crt -days 1 -subj /CN=a.example`.split(
        ' '
      ),
      { cwd: dir, stdio: 'ignore' }
    )
  make('a')
  make('b')
  const file = join(dir, 'lb.yaml')
  const { writeFileSync } = await import('node:fs')
  writeFileSync(
    file,
    `user: nobody-of-that-name
admin: { bind: "unix:/nonexistent/dir/x.sock" }
listeners:
  - bind: "127.0.0.1:${port}"
    mode: l4
    pool: web
    tls:
      certificates:
        - { cert: a.crt, key: b.key }
        - { cert: gone.crt, key: garbage.pem }
        - { cert: a.crt, key: a.key }
      clientAuth: { ca: garbage.pem }
pools:
  web:
    backends: ["nobody.invalid:80"]
    tls: { ca: gone.pem }
    discover: { file: gone.yaml }
`
  )
  const { code, stderr, stdout } = await lb('check', file)
  t.equal(code, 2)
  t.equal(stdout, '')
  for (const line of [
    /:1:7: error: user nobody-of-that-name does not exist/,
    /:2:16: error: the socket \/nonexistent\/dir\/x\.sock cannot be created: \/nonexistent\/dir: no such file/,
    /:4:11: warning: 127\.0\.0\.1:\d+: the address is in use now/,
    /:9:\d+: error: .*b\.key: .*/,
    /:10:\d+: error: .*gone\.crt: no such file/,
    /:17:23: warning: cannot read .*gone\.yaml: no such file; until then the pool has only/,
    /:12:\d+: error: .*garbage\.pem: no certificate/,
    /:15:\d+: warning: the name nobody\.invalid cannot be looked up/,
    /:16:\d+: error: .*gone\.pem: no such file/,
    /: \d errors\n$/
  ])
    t.match(stderr, line)
  t.notMatch(stderr, /:11:\d+: error/, 'the pair that is right')
})

t.test('several files, standard input, JSON and notes for GitHub', async (t) => {
  const dir = t.testdir({ 'a.yaml': valid, 'b.yaml': 'listeners: 5\n' })
  const [a, b] = [join(dir, 'a.yaml'), join(dir, 'b.yaml')]
  t.match(await lb('check', a, b), {
    code: 2,
    stdout: `${a}: ok (1 listener, 1 pool, 1 backend)\n`,
    stderr: /b\.yaml:1:12/
  })
  const json = await new Lb(['validate', '--json', a, b]).ended()
  t.equal(json.code, 2)
  t.match(JSON.parse(json.stdout), {
    ok: false,
    files: [
      { file: a, ok: true, problems: [] },
      { file: b, ok: false, problems: [{ severity: 'error', line: 1, column: 12, file: b }] }
    ]
  })
  t.match(await lb('check', '--format', 'github', b), {
    code: 2,
    stdout: /^::error file=.*b\.yaml,line=1,col=12,endColumn=13,title=lb check::expected a mapping/
  })
  const piped = spawnSync(process.execPath, [bin, 'check', '-'], { input: 'x: 1\n', encoding: 'utf8' })
  t.match(piped, { status: 2, stderr: /^-:1:1: error: (?!cannot read)/ })
  const closed = spawnSync('bash', [
    '-c',
    `"${process.execPath}" "${bin}" check "${b}" 2>&1 | head -c 1; exit \${PIPESTATUS[0]}`
  ])
  t.equal(closed.status, 2, 'a reader that has enough changes no exit code')
})

t.test('on a terminal problems have colours', async (t) => {
  const problem = {
    severity: 'error',
    message: 'm',
    file: 'f',
    path: '',
    line: 1,
    column: 1,
    source: 'x'
  } as const
  t.match(formatProblems([problem], { color: true }), /\x1b\[1;31merror\x1b\[0m: m/)
  t.notMatch(formatProblems([problem]), /\x1b/)
})
