import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import t from 'tap'

// The import rule of ARCHITECTURE.md, held by a machine: a folder imports only from what stands below it.

const root = resolve(import.meta.dirname, '..')
const src = join(root, 'src')

/** Folder (or file of src/) → the folders it may import from, its own aside. */
const mayImport: Record<string, readonly string[]> = {
  core: [],
  shared: ['core'],
  config: ['l7', 'core'],
  net: ['config', 'shared', 'core'],
  balancer: ['config', 'shared', 'core'],
  health: ['balancer', 'config', 'net', 'core'],
  acme: ['config', 'net', 'core'],
  ocsp: ['net', 'core'],
  discovery: ['config', 'net', 'core'],
  l4: ['balancer', 'config', 'net', 'shared', 'core'],
  l7: ['l4', 'balancer', 'config', 'net', 'shared', 'core'],
  admin: ['health', 'balancer', 'config', 'net', 'core'],
  redis: ['acme', 'l7', 'config', 'net', 'shared', 'core'],
  runtime: [
    'admin',
    'acme',
    'ocsp',
    'discovery',
    'redis',
    'l4',
    'l7',
    'health',
    'balancer',
    'config',
    'net',
    'shared',
    'core'
  ],
  cli: ['runtime', 'admin', 'config', 'core'],
  'cli.ts': ['cli', 'runtime', 'admin', 'config', 'core'],
  'plugin.ts': ['l7', 'config', 'core'],
  'embed.ts': ['runtime', 'admin', 'config', 'core'],
  'index.ts': ['embed.ts', 'plugin.ts', 'runtime', 'admin', 'config', 'core']
}

/** What of a folder may be imported, where not all of it may. */
const only: Record<string, RegExp> = {
  // Upgrades end in a splice; nothing else of L4 concerns L7.
  'l7 → l4': /^l4\/tcp\/splice\.ts$/,
  // Words of the YAML and of addresses, never the parser.
  'balancer → config': /^config\/model\//,
  'net → config': /^config\/model\//,
  'l4 → config': /^config\/model\//,
  // The table of stages brings the keys of each; the code behind it is loaded by l7 alone.
  'config → l7': /^l7\/stages\/(order|keys-of-stages)\.ts$/,
  // A stage's keys are made of the schema's leaves and of defaults that checks need too, and of nothing else of it.
  'l7 → config':
    /^config\/(model\/|defaults\.ts$|schema\/leaf\/(leaf|leaves|lone|name|network-leaves|edited-field)\.ts$)/,
  'health → config': /^config\/model\//,
  // What is kept, never who keeps it.
  'redis → acme': /^acme\/storage\/(acme-storage|records)\.ts$/
}

/** npm package → where it may be imported. */
const packages: Record<string, RegExp> = {
  undici: /^(discovery|acme|ocsp|l7\/stages\/auth|cli)\//,
  yaml: /^config\//,
  zod: /^(config\/|l7\/stages\/([\w-]+(\/[\w-]+){0,2}\/keys|order|stage-keys)\.ts$)/,
  '@peculiar/x509': /^(acme|net\/tls)\//,
  'reflect-metadata': /^(acme|net\/tls)\//,
  ioredis: /^redis\//,
  'openid-client': /^l7\/stages\/auth\//,
  bcryptjs: /^l7\/stages\/auth\//,
  commander: /^cli(\.ts$|\/)/,
  jose: /^acme\//,
  pino: /^core\/log\//,
  'pino-pretty': /^core\/log\//
}

const MAX_LINES = 300
const MAX_FILES = 15

interface Source {
  /** From src/, with slashes. */
  readonly path: string
  readonly folder: string
  readonly lines: number
  /** Those of types only, too. */
  readonly imports: readonly string[]
  /** Those without types only: what Node loads. */
  readonly values: readonly string[]
}

function readSources(): Source[] {
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => path.replaceAll('\\', '/'))
    .map((path) => {
      const text = readFileSync(join(src, path), 'utf8')
      const from = [...text.matchAll(/(?:^|\n)(?:import|export)\b([^'"`;]*?)\bfrom\s*'([^']+)'/g)]
      const bare = [...text.matchAll(/(?:^|\n)import\s*'([^']+)'|\bimport\('([^']+)'\)/g)].map(
        ([, a, b]) => a ?? b!
      )
      return {
        path,
        folder: folderOf(path),
        lines: text.split('\n').length - 1,
        imports: [...from.map(([, , specifier]) => specifier!), ...bare],
        values: [
          ...from.filter(([, names]) => !/^\s*type\b/.test(names!)).map(([, , specifier]) => specifier!),
          ...bare
        ]
      }
    })
}

function folderOf(path: string): string {
  return path.split('/')[0]!
}

/** A relative import as a path from src/. */
function target(from: string, specifier: string): string {
  return relative(src, resolve(src, dirname(from), specifier)).replaceAll('\\', '/')
}

const sources = readSources()

t.test('a folder imports only from what stands below it', async (t) => {
  const broken: string[] = []
  for (const { path, folder, imports } of sources) {
    const allowed = mayImport[folder]
    if (allowed === undefined) {
      broken.push(`${path}: ${folder} stands nowhere in the table`)
      continue
    }
    for (const specifier of imports.filter((each) => each.startsWith('.'))) {
      const to = target(path, specifier)
      const toFolder = folderOf(to)
      if (toFolder === folder) continue
      const part = only[`${folder} → ${toFolder}`]
      if (!allowed.includes(toFolder) || (part !== undefined && !part.test(to)))
        broken.push(`${path} → ${to}`)
    }
  }
  t.strictSame(broken, [])
})

/** Where the engine is put together, and where a head is read for `lb explain`. Both protocols share some bytes' meaning. */
const KNOWS_HTTP1 = /^l7\/(?:http[12]\/|l7-engine\.ts$|exchange\/dry\/dry-run\.ts$)/

t.test('what an exchange passes through knows no version of HTTP', async (t) => {
  const broken = sources
    .filter(({ path }) => path.startsWith('l7/') && !KNOWS_HTTP1.test(path))
    .flatMap(({ path, imports }) => imports.map((each) => ({ path, to: target(path, each) })))
    .filter(({ to }) => /^l7\/http[12]\//.test(to))
  t.strictSame(broken, [])
})

t.test('npm packages stay where they belong', async (t) => {
  const broken: string[] = []
  for (const { path, imports } of sources) {
    for (const specifier of imports) {
      if (specifier.startsWith('.') || specifier.startsWith('node:')) continue
      const name = specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/')
      if (packages[name]?.test(path) !== true) broken.push(`${path} → ${specifier}`)
    }
  }
  t.strictSame(broken, [])
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  const used = new Set(sources.flatMap(({ imports }) => imports).filter((each) => each in packages))
  t.strictSame(Object.keys(dependencies).toSorted(), [...used].toSorted(), 'what is imported is a dependency')
})

t.test(
  'a worker loads neither the schema library nor the YAML parser, for it reads no configurations, nor node:http',
  async (t) => {
    const byPath = new Map(sources.map((source) => [source.path, source]))
    // What stages load when their keys are asked for.
    const onDemand = /(^|\/)keys\.ts$/
    const reached = new Set<string>()
    const visit = (path: string): void => {
      if (reached.has(path) || onDemand.test(path)) return
      reached.add(path)
      for (const each of byPath.get(path)?.values ?? []) if (each.startsWith('.')) visit(target(path, each))
    }
    visit('runtime/workers/worker.ts')
    t.ok(reached.size > 300, 'the walk went somewhere')
    t.strictSame(
      [...reached].filter((path) =>
        byPath.get(path)?.values.some((each) => each === 'zod' || each === 'yaml' || each === 'node:http')
      ),
      []
    )
  }
)

t.test('no file imports itself by a detour, types included', async (t) => {
  const graph = new Map(
    sources.map(({ path, imports }) => [
      path,
      imports.filter((each) => each.startsWith('.')).map((each) => target(path, each))
    ])
  )
  const done = new Set<string>()
  const cycles: string[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) {
      cycles.push([...trail.slice(trail.indexOf(path)), path].join(' → '))
      return
    }
    if (done.has(path)) return
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
    done.add(path)
  }
  for (const path of graph.keys()) visit(path, [])
  t.strictSame(cycles, [])
})

t.test('no file is over 300 lines, and every import names a file that is there', async (t) => {
  const paths = new Set(sources.map(({ path }) => path))
  t.strictSame(
    sources.filter(({ lines }) => lines > MAX_LINES).map(({ path, lines }) => `${path}: ${lines}`),
    []
  )
  const missing = sources.flatMap(({ path, imports }) =>
    imports
      .filter((each) => each.startsWith('.') && !each.endsWith('.json'))
      .map((each) => target(path, each))
      .filter((each) => !paths.has(each))
      .map((each) => `${path} → ${each}`)
  )
  t.strictSame(missing, [])
})

t.test('no folder shows more than 15 files at its top', async (t) => {
  const counts = new Map<string, number>()
  for (const { path } of sources) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1)
  t.strictSame(
    [...counts].filter(([, files]) => files > MAX_FILES).map(([folder, files]) => `${folder}: ${files}`),
    []
  )
})
