import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'

// What docs/extending.md says of a new stage, done to a copy of lb.

const run = promisify(execFile)
const root = join(import.meta.dirname, '..')
const page = readFileSync(join(root, 'docs/extending.md'), 'utf8')

/** The blocks of code that begin with a comment naming their file. */
function blocks(): Map<string, string> {
  const found = [...page.matchAll(/```ts\n\/\/ (\S+\/[^\n]*)\n([\s\S]*?)```/g)]
  return new Map(found.map(([, title, code]) => [title!, code!]))
}

t.test(
  'the stage of docs/extending.md is a folder and a line: it compiles, works, and documents itself',
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

    const patch = blocks()
    const lines = patch.get('src/l7/stages/order.ts, behind limits')!.trim()
    patch.delete('src/l7/stages/order.ts, behind limits')
    t.equal(patch.size, 3)
    for (const [path, code] of patch) {
      mkdirSync(dirname(join(copy, path)), { recursive: true })
      writeFileSync(join(copy, path), code)
    }
    const order = join(copy, 'src/l7/stages/order.ts')
    const before = readFileSync(order, 'utf8')
    const limits = /\n {2}always\(\s*'limits'[\s\S]*?\n {2}\),|\n {2}always\('limits'.*/.exec(before)![0]
    const after = before.replace(limits, `${limits}\n  ${lines}`)
    writeFileSync(order, after)
    const { files, ...shared } = {
      files: ['src/config/schema/root.ts', ...patch.keys(), 'src/l7/stages/loaded.ts']
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
