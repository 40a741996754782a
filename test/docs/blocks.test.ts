import { execFile } from 'node:child_process'
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { formatProblems } from '../../src/config/report/format-problems.ts'
import { loadConfig as load } from '../../src/config/load-config.ts'
import { type Config, start } from '../../src/index.ts'
import { testCertificates } from '../net/certificates.ts'
import { blocks, blocksOf, root } from './pages.ts'

const run = promisify(execFile)

/** YAML that is another program's, or part of a page's own example, which another test follows. */
const others = [/^# prometheus\.yml/, /^\/api\/errors:/]

/** What pages name under /etc/lb, in a folder of its own. */
function etc(t: Test): string {
  const { leaf, caFile, crl } = testCertificates()
  const { files } = leaf('example.com')
  const folder = t.testdir({
    token: 'secret\n',
    'zerossl.key': 'c2VjcmV0LXNlY3JldC1zZWNyZXQ',
    oidc: 'the secret of a client, long enough to make a key of it\n',
    client: 'another secret of a client\n',
    keys: 'alice 3q2-7wAAAAA admin\n',
    'clients.crl': crl(),
    certs: {}
  })
  for (const name of ['site', 'a', 'b']) {
    cpSync(files.cert, join(folder, `${name}.crt`))
    cpSync(files.key, join(folder, `${name}.key`))
  }
  cpSync(files.cert, join(folder, 'certs/site.crt'))
  cpSync(files.key, join(folder, 'certs/site.key'))
  for (const name of ['ca.pem', 'clients.pem', 'internal-ca.pem']) cpSync(caFile, join(folder, name))
  return folder
}

interface Yaml {
  admin?: { bind?: unknown }
  acme?: { storage?: string }
  listeners: { bind: unknown; accessLog?: { file?: string } }[] | { bind: unknown }
}

/** The same where nobody is root: on free ports, in this thread, with files in a folder of the test's. */
function elsewhere(code: string, folder: string): Config {
  const yaml = parse(code) as Yaml
  const listeners = [yaml.listeners].flat()
  for (const listener of listeners) listener.bind = '127.0.0.1:0'
  if (yaml.acme !== undefined) yaml.acme.storage = join(folder, 'acme')
  const { user: _user, ...rest } = yaml as Yaml & { user?: string }
  const admin = yaml.admin === undefined ? {} : { admin: { ...yaml.admin, bind: '127.0.0.1:0' } }
  return { ...rest, ...admin, listeners, workers: 0, log: { level: 'silent' } } as unknown as Config
}

t.test('every configuration in the pages is a whole file, without a warning, and starts', async (t) => {
  const folder = etc(t)
  writeFileSync(join(folder, 'tenant.ts'), blocksOf('docs/plugins.md', 'ts')[0]!)
  let number = 0
  for (const { place, language, code } of blocks()) {
    if (language !== 'yaml' || others.some((other) => other.test(code))) continue
    const text = code
      .replaceAll('/etc/lb', folder)
      .replaceAll('/var/log/lb', folder)
      .replaceAll('/var/lib/lb', folder)
    const file = join(folder, `${number++}.yaml`)
    writeFileSync(file, text)
    const result = await load(file, {})
    if (!result.ok) {
      t.fail(`${place}\n${formatProblems(result.problems)}`)
      continue
    }
    t.strictSame(result.warnings, [], `${place}\n${formatProblems(result.warnings)}`)
    if (text.includes('plugins:')) continue
    const lb = await start(elsewhere(text, folder)).catch((error: Error) =>
      t.fail(`${place}: ${error.message}`)
    )
    if (typeof lb === 'object') await lb.stop({ graceMs: 0 })
  }
  t.ok(number > 30)
})

t.test('a configuration as a module, as the page on plugins has it, is read', async (t) => {
  const [plugin, banner, config] = blocksOf('docs/plugins.md', 'ts')
  // Within the repository, as the files of a user are beside an installed package.
  const folder = t.testdir({ 'tenant.ts': plugin!, 'lb.config.ts': config!, node_modules: {} })
  symlinkSync(root, join(folder, 'node_modules/fourseven'))
  const result = await load(join(folder, 'lb.config.ts'), {})
  t.ok(result.ok, result.ok ? '' : formatProblems(result.problems))
  writeFileSync(join(folder, 'banner.ts'), banner!)
  const lb = await start({
    workers: 0,
    plugins: [join(folder, 'banner.ts')],
    listeners: {
      bind: '127.0.0.1:0',
      mode: 'l7',
      routes: [{ respond: { body: '<p>', headers: { 'content-type': 'text/html' } } }]
    }
  })
  t.teardown(() => lb.kill())
  const answer = await fetch(`http://127.0.0.1:${lb.addresses[0]!.port}/`)
  t.equal(await answer.text(), '<p><!-- served by lb -->\n')
})

t.test('the program of the README runs unchanged', async (t) => {
  const [code] = blocksOf('README.md', 'js')
  const folder = t.testdir({})
  const file = join(folder, 'program.mjs')
  writeFileSync(file, code!.replace("'fourseven'", JSON.stringify(join(root, 'src/index.ts'))))
  const { stdout } = await run(process.execPath, [file], {
    env: { ...process.env, NODE_OPTIONS: '' },
    timeout: 60_000
  })
  t.match(stdout, /^127\.0\.0\.1:\d+\n$/)
})

t.test('the errors that the page on the configuration shows are what lb says', async (t) => {
  const [shown] = blocksOf('docs/config.md', 'text')
  const lines = new Map(
    [...shown!.matchAll(/^ +(\d+) \| ( *[^\s^].*)$/gm)].map(([, number, line]) => [Number(number), line!])
  )
  const file = ['listeners:', lines.get(2), 'pools:', lines.get(4)].join('\n')
  const folder = t.testdir({ 'lb.yaml': `${file}\n` })
  const result = await load(join(folder, 'lb.yaml'), {})
  t.notOk(result.ok)
  if (!result.ok) t.equal(formatProblems(result.problems).replaceAll(`${folder}/`, '').trim(), shown!.trim())
})

t.test('queries of Prometheus ask for metrics that there are', async (t) => {
  const known = readFileSync(join(root, 'docs/metrics.md'), 'utf8')
  const [queries] = blocksOf('docs/metrics.md', 'promql')
  const names = [...queries!.matchAll(/\blb_\w+/g)].map(([name]) => name.replace(/_(bucket|count|sum)$/, ''))
  t.ok(names.length > 4)
  t.strictSame(
    names.filter((name) => !known.includes(`\`${name}`)),
    []
  )
})

t.test('a list of backends as discovery reads it, and lines of the log, are JSON', async (t) => {
  for (const { place, language, code } of blocks()) {
    if (language !== 'json') continue
    for (const line of code.trim().split('\n')) t.doesNotThrow(() => void JSON.parse(line), place)
  }
})
