import { execFile } from 'node:child_process'
import { existsSync, globSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { createProgram } from '../src/cli/program.ts'
import { errors } from '../src/core/errors.ts'
import { formatProblems } from '../src/config/report/format-problems.ts'
import { parseConfig } from '../src/config/parse-config.ts'

// What the documents say of files, links, commands and examples, held to what is there.

const run = promisify(execFile)
const root = join(import.meta.dirname, '..')
const pages = [
  ...readdirSync(root).filter((file) => file.endsWith('.md')),
  ...globSync('docs/**/*.md', { cwd: root })
].map((path) => path.replaceAll('\\', '/'))
const text = (path: string): string => readFileSync(join(root, path), 'utf8')

/** A page without its blocks of code. */
function prose(path: string): string {
  return text(path).replace(/^ *```[\s\S]*?^ *```$/gm, '')
}

function blocks(path: string, language: string): string[] {
  return [...text(path).matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
    .filter(([, name]) => name === language)
    .map(([, , code]) => code!)
}

/** As GitHub makes them: lower case, punctuation away, spaces to hyphens. */
function anchors(path: string): string[] {
  return [...prose(path).matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-')
  )
}

t.test('every link between pages leads somewhere', async (t) => {
  const broken: string[] = []
  for (const page of pages) {
    for (const [, target] of prose(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue
      const [file, anchor] = target!.split('#')
      const path = file === '' ? join(root, page) : join(root, dirname(page), file!)
      if (!existsSync(path)) broken.push(`${page}: ${target}`)
      else if (anchor !== undefined && path.endsWith('.md')) {
        if (!anchors(relative(root, path)).includes(anchor)) broken.push(`${page}: ${target}`)
      }
    }
  }
  t.strictSame(broken, [])
})

t.test('every file that a page names is there', async (t) => {
  const missing: string[] = []
  for (const page of pages.filter((each) => each !== 'CHANGELOG.md' && each !== 'docs/extending.md')) {
    for (const [, name] of prose(page).matchAll(/`([\w./-]+\/[\w.-]+\.(?:ts|js|json|yaml|md))`/g)) {
      const known = ['', 'src', dirname(page)].some((folder) => existsSync(join(root, folder, name!)))
      if (!known && !/^\/|^\.\/lb|lb\.yaml$/.test(name!)) missing.push(`${page}: ${name}`)
    }
  }
  t.strictSame(missing, [])
})

t.test('every file in the drawings of ARCHITECTURE.md is there', async (t) => {
  const [tree, paths] = blocks('ARCHITECTURE.md', '')
  const names = new Set(
    globSync('{src,bin}/**/*.{ts,js}', { cwd: root }).map((path) => path.split('/').at(-1)!)
  )
  const files = globSync('{src,bin}/**/*.{ts,js}', { cwd: root }).map((path) => path.replaceAll('\\', '/'))
  const drawn = [...`${tree}${paths}`.matchAll(/[\w./-]+\.(?:ts|js)\b/g)].map(([name]) => name)
  t.ok(drawn.length > 40)
  const missing = drawn.filter((name) =>
    name.includes('/') ? !files.some((path) => path.endsWith(name)) : !names.has(name)
  )
  t.strictSame(missing, [])
  const folders = [...`${tree}`.matchAll(/^ +([\w-]+)\/ /gm)].map(([, name]) => name!)
  t.strictSame(
    folders.filter((name) => !globSync(`src/**/${name}`, { cwd: root }).some(isFolder)),
    []
  )
})

function isFolder(path: string): boolean {
  return statSync(join(root, path)).isDirectory()
}

t.test('the commands of the README exist', async (t) => {
  const readme = text('README.md')
  const { scripts, bin } = JSON.parse(text('package.json')) as {
    scripts: Record<string, string>
    bin: Record<string, string>
  }
  for (const [, name] of readme.matchAll(/npm (?:run )?(start|test|bench)\b/g)) t.ok(name! in scripts, name!)
  t.ok(existsSync(join(root, bin['lb']!)))
  const program = createProgram()
  const known = program.commands.map((command) => command.name())
  const used = [...readme.matchAll(/(?:`|\$ npx )lb ([a-z][a-z-]*)/g)].map(([, name]) => name!)
  t.ok(used.length > 8)
  t.strictSame(
    used.filter((name) => !known.includes(name)),
    []
  )
  t.strictSame(
    known.filter((name) => !readme.includes(name)),
    [],
    'and it leaves none out'
  )
  const { exports } = JSON.parse(text('package.json')) as { exports: object }
  t.ok('.' in exports)
})

t.test('the YAML of the README is a configuration', async (t) => {
  const examples = blocks('README.md', 'yaml')
  t.ok(examples.length >= 3)
  for (const example of examples) {
    const result = parseConfig(example, { file: 'README.md' })
    t.ok(result.ok, result.ok ? example : formatProblems(result.problems))
    if (result.ok) t.strictSame(result.warnings, [], formatProblems(result.warnings))
  }
})

t.test('docs/README.md lists every page of docs/', async (t) => {
  const index = text('docs/README.md')
  const missing = pages
    .filter(
      (page) => page.startsWith('docs/') && !page.startsWith('docs/discoveries/') && page !== 'docs/README.md'
    )
    .map((page) => page.slice('docs/'.length))
    .filter((page) => !index.includes(`(${page})`))
  t.strictSame(missing, [])
  const discoveries = text('docs/discoveries/README.md')
  const unlisted = readdirSync(join(root, 'docs', 'discoveries'))
    .filter((page) => page !== 'README.md')
    .filter((page) => !discoveries.includes(`(${page})`))
  t.strictSame(unlisted, [])
})

t.test(
  'what is discovered about Node.js is true of this one',
  { skip: process.platform !== 'linux' },
  async (t) => {
    const scripts = pages.flatMap((page) =>
      page.startsWith('docs/discoveries/')
        ? blocks(page, 'js').map((code) => [page.split('/').at(-1)!.replace('.md', '.mjs'), code] as const)
        : []
    )
    t.ok(scripts.length > 10)
    const folder = t.testdir(Object.fromEntries(scripts))
    const left = [...scripts]
    // Two at a time: each is a process that mostly waits.
    const work = async (): Promise<void> => {
      for (let next = left.pop(); next !== undefined; next = left.pop()) {
        const [name] = next
        const outcome = await run(process.execPath, [join(folder, name)], { timeout: 30_000 }).then(
          () => 'holds',
          (error: Error & { stderr?: string }) => error.stderr || error.message
        )
        t.equal(outcome, 'holds', name)
      }
    }
    await Promise.all([work(), work()])
  }
)

t.test('troubleshooting knows every code with its status', async (t) => {
  const page = text('docs/troubleshooting.md')
  for (const [code, { status }] of Object.entries(errors) as [string, { status?: number }][]) {
    const row = page.split('\n').find((line) => line.includes(`\`${code}\``) && line.startsWith('|'))
    t.ok(row, code)
    const told = /^\| (\d{3}) \|/.exec(row ?? '')?.[1]
    t.equal(told, status === undefined ? undefined : String(status), code)
  }
})
