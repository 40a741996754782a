import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { tour } from '../../examples/tour.ts'

t.test('the tour shows what the file says, as a client on this machine reaches it', async (t) => {
  const { listeners, lines, targets } = tour(`
    admin: { bind: 127.0.0.1:9900 }
    listeners:
      - { name: web, bind: ":8080", mode: l7 }
      - { bind: ["[::1]:5400", "127.0.0.1:5401"], mode: l4 }
      - { bind: "unix:/run/x.sock", mode: l7 }
  `)
  t.same(listeners, ['  l7     127.0.0.1:8080  web', '  l4     [::1]:5400', '  admin  127.0.0.1:9900'])
  t.match(lines, [/curl http:\/\/127.0.0.1:8080\/ /, /nc ::1 5400/, /curl http:\/\/127.0.0.1:9900\/metrics/])
  t.same(targets, [
    { host: '127.0.0.1', port: 8080 },
    { host: '::1', port: 5400 },
    { host: '127.0.0.1', port: 9900 }
  ])
})

t.test('a file without listeners shows nothing and breaks nothing', async (t) => {
  t.same(tour(''), { listeners: [], lines: [], targets: [] })
})

t.test('npm start and npm test report in one line that Node.js is too old', async (t) => {
  const preload = 'data:text/javascript,Object.defineProperty(process, "version", { value: "v20.20.2" })'
  const root = join(import.meta.dirname, '../..')
  const dir = t.testdir({ examples: {}, scripts: {}, 'package.json': '{ "type": "module" }' })
  const programs = ['examples/start.js', 'scripts/node-version.js']
  for (const program of programs) copyFileSync(join(root, program), join(dir, program))
  const told = (program: string) => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--import', preload, join(dir, program)],
      {
        encoding: 'utf8',
        env: { PATH: process.env['PATH'] }
      }
    )
    t.equal(status, 1)
    t.equal(stdout, '')
    return stderr
  }
  const needs = 'lb needs Node.js 22.19 or later; this is v20.20.2. '
  for (const program of programs)
    t.equal(told(program), `${needs}Run "npm ci" first: it brings one that "npm start" and "npm test" use.\n`)
  mkdirSync(join(dir, 'node_modules/node'), { recursive: true })
  t.match(told('examples/start.js'), 'npm was told to run no scripts', 'as after npm ci --ignore-scripts')
})
