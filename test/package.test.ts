import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import t from 'tap'
import { freePort } from './free-port.ts'
import { get } from './e2e/clients.ts'

const root = join(import.meta.dirname, '..')
const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  dependencies: object
}

t.setTimeout(process.env['LB_TSC'] === undefined ? 300_000 : 900_000)

/** A project that has installed the package: built, packed and unpacked as npm does it. */
function installed(dir: string): string {
  const staged = join(dir, 'staged')
  const run = (command: string, args: readonly string[], cwd: string) => {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' })
    if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stdout}${stderr}`)
    return stdout
  }
  mkdirSync(staged)
  for (const part of ['package.json', 'bin', 'lb.yaml', 'CHANGELOG.md', 'LICENSE']) {
    cpSync(join(root, part), join(staged, part), { recursive: true })
  }
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  run(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', join(staged, 'dist')], root)
  const tarball = run('npm', ['pack', '--ignore-scripts', '--silent'], staged).trim()
  const modules = join(dir, 'app/node_modules')
  mkdirSync(join(modules, 'fourseven'), { recursive: true })
  run('tar', ['-xzf', join(staged, tarball), '--strip-components=1', '-C', join(modules, 'fourseven')], dir)
  for (const name of Object.keys(dependencies)) {
    mkdirSync(join(modules, name, '..'), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  return join(dir, 'app')
}

let app: string | undefined

/** One for all tests here. */
const shared = (): string => (app ??= installed(t.testdir({})))

const plugin = `import { answer, definePlugin, mapping, text } from 'fourseven/plugin'
export default definePlugin({
  name: 'hello',
  before: 'cache',
  keys: mapping({ word: text('a word') }),
  request(exchange, { keys, thread }) {
    const word: string = keys.word
    return answer(exchange, { status: 200, body: word + ' from ' + thread })
  }
})
`
const config = `import { defineConfig } from 'fourseven'
export default defineConfig({
  workers: 1,
  plugins: ['./hello.ts'],
  listeners: { bind: '127.0.0.1:' + (process.env.PORT ?? '0'), mode: 'l7', pool: 'web', plugins: { hello: { word: 'hi' } } },
  pools: { web: { backends: ['127.0.0.1:1'] } }
})
`

/** Who embeds it, and leaves nothing unchecked. */
const consumer = `import { answer, type Config, configure, defineConfig, definePlugin, start } from 'fourseven'
import { definePlugin as again, mapping, text } from 'fourseven/plugin'

const config: Config = defineConfig({
  workers: 0,
  listeners: [
    {
      name: 'web',
      bind: '127.0.0.1:0',
      mode: 'l7',
      auth: [{ apiKeys: { keys: { alice: 'key' } } }],
      rateLimit: { requests: 10, per: '1s' },
      routes: [{ match: { path: '/a' }, respond: { body: 'hi' } }, { pool: 'web' }]
    }
  ],
  pools: { web: { backends: ['127.0.0.1:1'] } }
})
// @ts-expect-error: a misspelt key
defineConfig({ listenrs: [] })
// @ts-expect-error: a mode that there is not
defineConfig({ listeners: [{ bind: ':80', mode: 'l9', pool: 'web' }] })

export const hello = definePlugin({
  name: 'hello',
  before: 'cache',
  request: (exchange) => answer(exchange, { status: 200, body: exchange.path })
})
export const worded = again({
  name: 'worded',
  before: 'cache',
  keys: mapping({ word: text('a word') }),
  request(exchange, { keys }) {
    const word: string = keys.word
    exchange.setRequestField('X-Word', word)
  }
})

export async function run(): Promise<void> {
  const lb = await start(config)
  lb.on('backend', ({ pool, backend }) => console.log(pool, backend))
  const names: readonly string[] = lb.pools().map(({ name }) => name)
  console.log(names, lb.metrics().length, lb.addresses[0]?.address, configure(config))
  await lb.drain('web', 'a')
  await lb.stop()
}
`
const strict = {
  compilerOptions: {
    ...{
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false
    },
    ...{ module: 'nodenext', target: 'es2022', lib: ['es2022'], types: ['node'], noEmit: true }
  },
  files: ['consumer.ts']
}

/** `scripts/consumers.sh` gives those of TypeScript 5.6 and 7 besides. */
const compilers = [
  join(root, 'node_modules/typescript/bin/tsc'),
  ...(process.env['LB_TSC']?.split(',') ?? [])
]

t.test('its types compile where nothing is left unchecked', async (t) => {
  const app = shared()
  for (const name of ['@types/node', 'undici-types']) {
    mkdirSync(join(app, 'node_modules', name, '..'), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), join(app, 'node_modules', name))
  }
  writeFileSync(join(app, 'types.json'), JSON.stringify(strict))
  writeFileSync(join(app, 'consumer.ts'), consumer)
  writeFileSync(join(app, 'package.json'), JSON.stringify({ type: 'module' }))
  for (const tsc of compilers) {
    for (const resolution of ['nodenext', 'bundler']) {
      const module = resolution === 'bundler' ? 'esnext' : resolution
      const args = ['-p', 'types.json', '--module', module, '--moduleResolution', resolution]
      // Without the hooks of the test runner, which it puts into every child: the file that starts TypeScript 7 cannot be loaded with them.
      const command = ['-u', 'NODE_OPTIONS', process.execPath, tsc, ...args]
      const { status, stdout, stderr } = spawnSync('env', command, { cwd: app, encoding: 'utf8' })
      t.equal(status, 0, `${tsc}, ${resolution}: ${stdout}${stderr}`)
      // The own one says enough with one of them.
      if (compilers.length === 1) break
    }
  }
  rmSync(join(app, 'package.json'))
})

t.test('its types say nothing that older compilers do not know', (t) => {
  // TypeScript 5.6 has Buffer and typed arrays without parameters; later ones infer them where no type is written.
  const dist = join(shared(), 'node_modules/fourseven/dist')
  const seen = new Set<string>()
  const wrong: string[] = []
  const read = (file: string): void => {
    if (seen.has(file)) return
    seen.add(file)
    const text = readFileSync(file, 'utf8')
    if (/\b(?:Buffer|[BFIU]\w+Array|DataView)<\w*ArrayBuffer/.test(text)) wrong.push(relative(dist, file))
    for (const [, to] of text.matchAll(/(?:from |import\()["'](\.[^"']+)["']/g))
      read(join(file, '..', to!.replace(/\.[jt]s$/, '.d.ts')))
  }
  for (const entry of ['index', 'plugin']) read(join(dist, `${entry}.d.ts`))
  t.ok(seen.size > 50, `${seen.size} files`)
  t.strictSame(wrong, [])
  t.end()
})

t.test(
  'in an installed package a .ts beside the configuration is a plugin, and lb.config.ts a configuration',
  async (t) => {
    const app = shared()
    // No package.json: neither says what kind of modules these are.
    writeFileSync(join(app, 'hello.ts'), plugin)
    writeFileSync(join(app, 'lb.config.ts'), config)
    const port = await freePort()
    const lb = join(app, 'node_modules/fourseven/bin/lb.js')
    const env = { PATH: process.env['PATH'], PORT: String(port), LB_LOG: 'json' }
    const child = spawn(process.execPath, [lb, '--config', 'lb.config.ts'], { cwd: app, env, stdio: 'pipe' })
    t.teardown(() => child.kill('SIGKILL'))
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (part) => (output += part))
    while (!output.includes('lb runs')) {
      if (child.exitCode !== null) throw new Error(output)
      await Promise.race([once(child.stdout, 'data'), once(child, 'close')])
    }
    t.equal((await get(port)).body, 'hi from 1')
    t.notMatch(output, /Warning/)
    child.kill('SIGTERM')
    await once(child, 'close')

    writeFileSync(join(app, 'bad.config.ts'), config.replace("word: 'hi'", 'wrd: 1'))
    const check = spawnSync(process.execPath, [lb, 'check', 'bad.config.ts'], {
      cwd: app,
      env,
      encoding: 'utf8'
    })
    t.equal(check.status, 2)
    t.match(
      check.stderr,
      /bad\.config\.ts: listeners\[0\]\.plugins\.hello\.wrd: error: unknown key "wrd"; did you mean "word"\?/
    )
  }
)
