import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'

// What docs/extending.md says, done to a copy of lb.

const run = promisify(execFile)
const root = join(import.meta.dirname, '..')
const page = readFileSync(join(root, 'docs/extending.md'), 'utf8')

/** The blocks of code that begin with a comment naming their file. */
function blocks(): Map<string, string> {
  const found = [...page.matchAll(/```ts\n\/\/ (\S+\/[^\n]*)\n([\s\S]*?)```/g)]
  return new Map(found.map(([, title, code]) => [title!, code!]))
}

/** What the page adds to files that are there: file, what stands before it, what is added. The page has the last one. */
const additions: readonly (readonly [file: string, behind: string, added: string])[] = [
  ['src/config/model/pool-model.ts', "  | 'first'", "| 'idle'"],
  ['src/balancer/algorithms.ts', 'first: () => new First(),', 'idle: (deps) => new Idle(deps)'],
  [
    'src/config/checks/pools.ts',
    'first: { weight: false, hash: false },',
    'idle: { weight: false, hash: false }'
  ],
  ['src/config/schema/pool/pool.ts', "  'first',", "'idle'"],
  ['src/config/model/pool-model.ts', "'http' | 'https'", "| 'memcached'"],
  ['src/health/probes.ts', 'http: httpProbe,', 'memcached: memcachedProbe'],
  [
    'src/config/schema/pool/probe.ts',
    '  redis,',
    "mapping({ type: z.literal('memcached').describe('Ask memcached for its version.'), ...schedule })"
  ],
  ['src/config/schema/pool/probe.ts', "  'redis',", "'memcached'"],
  ['src/admin/api/endpoints.ts', '= [', "{ path: '/api/errors', get: () => ({ body: { errors } }) },"]
]

const imports: readonly (readonly [file: string, line: string])[] = [
  ['src/balancer/algorithms.ts', "import { Idle } from './selectors/idle.ts'"],
  ['src/health/probes.ts', "import { memcachedProbe } from './probes/memcached.ts'"],
  ['src/admin/api/endpoints.ts', "import { errors } from '../../core/errors.ts'"]
]

/** A list's last item, to which no comma is written, takes one when another item follows. */
function withComma(text: string, behind: string): string {
  return text.includes(behind) ? text : text.replace(behind.slice(0, -1), behind)
}

/** Adds the algorithm, the probe and the endpoint. */
function addOthers(t: Test, copy: string): void {
  for (const path of ['src/balancer/selectors/idle.ts', 'src/health/probes/memcached.ts']) {
    writeFileSync(join(copy, path), blocks().get(path)!)
  }
  for (const [file, behind, added] of additions) {
    t.ok(page.replaceAll('\\|', '|').includes(added), `the page says ${added}`)
    const before = withComma(readFileSync(join(copy, file), 'utf8'), behind)
    t.ok(before.includes(behind), `${file} has ${behind}`)
    const comma = behind.endsWith(',') ? ',' : ''
    writeFileSync(
      join(copy, file),
      before.replace(behind, () => `${behind} ${added}${comma}`)
    )
  }
  for (const [file, line] of imports) {
    writeFileSync(join(copy, file), `${line}\n${readFileSync(join(copy, file), 'utf8')}`)
  }
}

const settings = `listeners: [{ bind: 127.0.0.1:0, mode: l4, pool: keys }]
pools: { keys: { algorithm: idle, backends: [127.0.0.1:11211], health: { type: memcached } } }
`

t.test(
  'what docs/extending.md adds compiles; its stage is a folder and a line that works and documents itself',
  async (t) => {
    const copy = t.testdir()
    for (const each of [
      'src',
      'scripts',
      'docs',
      'package.json',
      'tsconfig.json',
      'test/l7/engine',
      'test/fakes'
    ]) {
      cpSync(join(root, each), join(copy, each), { recursive: true })
    }
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))

    const patch = new Map([...blocks()].filter(([path]) => path.includes('stages/')))
    const lines = patch.get('src/l7/stages/order.ts, behind limits')!.trim()
    patch.delete('src/l7/stages/order.ts, behind limits')
    t.equal(patch.size, 3)
    for (const [path, code] of patch) {
      mkdirSync(dirname(join(copy, path)), { recursive: true })
      writeFileSync(join(copy, path), code)
    }
    const order = join(copy, 'src/l7/stages/order.ts')
    addOthers(t, copy)
    const before = readFileSync(order, 'utf8')
    const limits = /\n {2}always\(\s*'limits'[\s\S]*?\n {2}\),|\n {2}always\('limits'.*/.exec(before)![0]
    const after = before.replace(limits, `${limits}\n  ${lines}`)
    writeFileSync(order, after)
    const { files, ...shared } = {
      files: ['src/cli.ts', ...patch.keys()]
    }
    writeFileSync(
      join(copy, 'tsconfig.stage.json'),
      JSON.stringify({ ...shared, extends: './tsconfig.json', include: [], files })
    )

    const node = (...args: string[]) => run(process.execPath, args, { cwd: copy })
    const [types, test] = await Promise.all([
      node(join(root, 'node_modules/typescript/bin/tsc'), '--noEmit', '-p', 'tsconfig.stage.json').catch(
        (error: { stdout: string }) => error
      ),
      node('test/l7/stages/query-limit.test.ts').catch((error: { stdout: string }) => error)
    ])
    t.equal(types.stdout, '', 'it type-checks')
    t.match(test.stdout, /\n# pass|\nok 1/, 'its own test passes')
    t.notMatch(test.stdout, /not ok/)

    writeFileSync(join(copy, 'lb.yaml'), settings)
    t.match((await node('src/cli.ts', 'check', 'lb.yaml')).stdout, /ok/, 'the file takes algorithm and probe')

    await node('scripts/config-docs.ts')
    const config = readFileSync(join(copy, 'docs/config.md'), 'utf8')
    t.match(config, '| `queryLimit.bytes` | size | `2kb` | Length of the query. |')
    t.match(config, '| `queryLimit.shadow` |')
    const asked =
      "import { jsonSchema } from './src/config/schema/json/json-schema.ts'; console.log(JSON.stringify(jsonSchema()))"
    const { stdout: schema } = await node('--input-type=module', '-e', asked)
    t.match(schema, '"queryLimit"')
    t.match(schema, 'Number of its parameters.')
  }
)
