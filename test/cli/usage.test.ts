import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lb, Lb } from './lb.ts'

const root = join(import.meta.dirname, '../..')
const valid =
  'listeners: [{ bind: "127.0.0.1:0", mode: l7, pool: web }]\npools: { web: { backends: ["127.0.0.1:9"] } }\n'

t.test('lb check says that a file is fine, and warns', async (t) => {
  const dir = t.testdir({ 'lb.yaml': valid, 'warn.yaml': `${valid}caches: { c: {} }\n` })
  t.match(await lb('check', join(dir, 'lb.yaml')), {
    code: 0,
    stdout: /lb\.yaml: ok \(1 listener, 1 pool, 1 backend\)\n$/,
    stderr: ''
  })
  t.match(await lb('check', join(dir, 'warn.yaml')), {
    code: 0,
    stdout: /: ok/,
    stderr: /warn\.yaml:3:11: warning: cache "c" is not used/
  })
  t.match(await new Lb(['check'], {}, dir).ended(), { code: 0, stdout: /^\.\/lb\.yaml: ok/ })
  t.match(await lb('-c', join(dir, 'lb.yaml'), 'check'), { code: 0, stdout: /: ok/ })
  t.match(await lb('check', '-c', join(dir, 'lb.yaml')), { code: 0, stdout: /: ok/ })
})

t.test('a broken file ends with 2, a position and no stack, whether it is checked or run', async (t) => {
  const dir = t.testdir({
    'lb.yaml': 'listeners: [{ bind: ":99999", mode: l7, pol: web }]\n',
    'garbage.yaml': Buffer.from([0xff, 0x00, 0x9f])
  })
  for (const args of [
    ['check', join(dir, 'lb.yaml')],
    ['--config', join(dir, 'lb.yaml')],
    ['-c', join(dir, 'garbage.yaml')],
    ['-c', dir],
    ['-c', join(dir, 'nothing')]
  ]) {
    const { code, stdout, stderr } = await lb(...args)
    t.equal(code, 2, args.join(' '))
    t.equal(stdout, '')
    t.match(stderr, /^.*:\d+:\d+: error: /)
    t.notMatch(stderr, /\n\s+at |node:internal/)
  }
  t.match(
    (await lb('check', join(dir, 'lb.yaml'))).stderr,
    /99999 is out of range[^]*unknown key "pol"[^]*: \d errors\n$/
  )
})

t.test('a full disk for the output is one line and 1', { skip: process.platform !== 'linux' }, async (t) => {
  const run = (args: string) =>
    spawnSync('/bin/sh', ['-c', `"${process.execPath}" bin/lb.js ${args} > /dev/full`], {
      cwd: root,
      encoding: 'utf8'
    })
  for (const args of ['schema', '--help']) {
    const { status, stderr } = run(args)
    t.same(
      { status, stderr },
      { status: 1, stderr: 'lb: cannot write the output: no space left on the device\n' }
    )
  }
})

t.test('bad usage ends with 2 and says what was meant', async (t) => {
  const table: [string[], RegExp][] = [
    [['--bogus'], /unknown option '--bogus'/],
    [['chek'], /unknown command 'chek'; did you mean "check"\?/],
    [['my.yaml'], /did you mean "lb --config my\.yaml"\?/],
    [['-c'], /argument missing/],
    [['-c', ''], /It must not be empty/],
    [['--log-level', 'loud'], /Allowed choices are trace, debug, info/],
    [['check', '--format', 'xml'], /Allowed choices are text, json, github/]
  ]
  const results = await Promise.all(table.map(([args]) => lb(...args)))
  for (const [index, [args, says]] of table.entries())
    t.match(results[index], { code: 2, stderr: says }, args.join(' '))
})

t.test('version, help and schema go to standard output and end with 0', async (t) => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  t.match(await lb('--version'), { code: 0, stdout: `lb ${version}\n` })
  t.match(await lb('--help'), { code: 0, stdout: /Usage: lb \[options\][^]*check[^]*schema[^]*drain/ })
  const { code, stdout } = await lb('schema')
  t.equal(code, 0)
  t.match(JSON.parse(stdout), {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    properties: { listeners: {} }
  })
})

t.test('the bin parses on old versions of Node and says which one is needed', async (t) => {
  const dir = t.testdir({ bin: {}, 'old.mjs': '' })
  const source = readFileSync(join(root, 'bin/lb.js'), 'utf8')
  t.notMatch(source, /\?\.|\?\?|node:|\bawait\b|#\w+ ?[;=(]/, 'nothing newer than Node 12')
  mkdirSync(join(dir, 'bin'), { recursive: true })
  // An old Node is played by its version.
  writeFileSync(
    join(dir, 'old.mjs'),
    "Object.defineProperty(process, 'version', { value: 'v22.18.0' })\nawait import('./bin/lb.mjs')\n"
  )
  cpSync(join(root, 'bin/lb.js'), join(dir, 'bin/lb.mjs'))
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(dir, 'old.mjs')], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] }
  })
  t.equal(status, 1)
  t.equal(stdout, '')
  t.match(stderr, /^lb needs Node\.js 22\.19 or later; this is v22\.18\.0 \(.*\)\n$/)
})

t.test('lb run takes what lb without a command takes, and the file as a word', async (t) => {
  const dir = t.testdir({ 'lb.yaml': valid })
  for (const args of [
    ['run', '--watch', '--log-level', 'info', '-c', join(dir, 'lb.yaml')],
    ['run', join(dir, 'lb.yaml')]
  ]) {
    const running = new Lb(args)
    await running.says(/lb runs with/)
    running.kill('SIGTERM')
    t.match(await running.ended(), { code: 0 })
  }
  t.match((await lb('--help')).stdout, /Exit codes:\n {2}0 .*\n {2}1 .*\n {2}2 /)
})
