import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { formatProblems } from '../../src/config/report/format-problems.ts'
import { parseConfig } from '../../src/config/parse-config.ts'
import { root } from './pages.ts'

const page = readFileSync(join(root, 'docs/migrating.md'), 'utf8')

const pools = 'pools: { web: { backends: ["10.0.0.1:80"] } }\ncaches: { main: {} }\n'
const listener = (keys: string, rest = 'pool: web'): string =>
  `listeners:\n  - { bind: ":80", mode: l7, ${rest}, ${keys} }\n${pools}`
const route = (keys: string): string => listener(`routes: [{ ${keys} }]`, 'name: web')
const pool = (keys: string): string =>
  `listeners:\n  - { bind: ":80", mode: l7, pool: web }\npools:\n  web: { ${keys} }\n`

/** A whole file around what the second column of the page's table says, for each place of the third. */
const places = new Map<string, (keys: string) => string>([
  ['listener', (keys) => listener(keys)],
  ['route', (keys) => route(`pool: web, ${keys}`)],
  ['route without a pool', route],
  ['pool', (keys) => pool(`backends: ["10.0.0.1:80"], ${keys}`)],
  ['pool without backends', pool]
])

t.test('each key that the table names in place of another proxy’s stands where it says', async (t) => {
  const rows = [...page.matchAll(/^\| .* \| `([^`]+)` \| ([a-z ]+) \|$/gm)]
  t.ok(rows.length > 45, `${rows.length} rows`)
  t.equal(rows.length, page.match(/^\| /gm)!.length - 2, 'every row but the two of the head')
  for (const [, keys, where] of rows) {
    for (const place of where!.split(' or ')) {
      const text = places.get(place)?.(keys!)
      if (text === undefined) {
        t.fail(`"${place}" is no place`)
        continue
      }
      const result = parseConfig(text, { file: 'lb.yaml', env: {} })
      const problems = result.ok
        ? result.warnings.filter(({ message }) => !/not used/.test(message))
        : result.problems
      t.strictSame(problems, [], `${text}\n${formatProblems(problems)}`)
    }
  }
})
