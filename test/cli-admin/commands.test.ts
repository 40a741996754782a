import t from 'tap'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startAdmin } from '../admin/fixtures/fake-control-plane.ts'

const entry = fileURLToPath(new URL('./fixtures/lb.ts', import.meta.url))

/** Runs the commands as a user does. */
async function lb(args: string[], options: { env?: Record<string, string>; cwd?: string } = {}) {
  const child = spawn(process.execPath, [entry, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, ...options.env },
    cwd: options.cwd
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (data) => (stdout += data))
  child.stderr.setEncoding('utf8').on('data', (data) => (stderr += data))
  const [status] = await once(child, 'close')
  return { status, stdout, stderr }
}

t.test('commands reach the lb that the options, the environment or the configuration name', async (t) => {
  const { plane, url, close } = await startAdmin('s3cret')
  t.teardown(close)
  const { host } = new URL(url)
  const cwd = t.testdir({
    'lb.yaml': `
admin: { bind: "${host}", token: s3cret }
listeners: [{ bind: "127.0.0.1:8080", mode: l7, pool: web }]
pools: { web: { backends: ["127.0.0.1:9000"] } }
`
  })
  const results = await Promise.all([
    lb(['status', '--admin', url]),
    lb(['drain', 'web/a', '--wait', '5s', '--admin', url], { env: { LB_ADMIN_TOKEN: 's3cret' } }),
    lb(['weight', 'db/10.0.1.1:5432', '9', '-c', join(cwd, 'lb.yaml')]),
    lb(['maint', 'web/b'], { cwd }),
    lb(['purge', '--all', '--admin', url, '--token', 's3cret'])
  ])
  for (const [index, { status, stderr }] of results.entries()) {
    // Who named no lb is told which one it was.
    const told = index === 3 ? new RegExp(`^lb: at http://${host}, pid \\d+.*\n$`) : /^$/
    t.match({ status, stderr }, { status: 0, stderr: told })
  }
  t.match(results[0]!.stdout, /^lb 0\.1\.0 [^]*\nPOOL +BACKEND/)
  t.notMatch(results[0]!.stdout, /\x1b/)
  // The other one may be in maintenance already.
  t.match(results[1]!.stdout, /^web\/a: drain, weight 1, 0 active\n(?:pool web has no .*\n)?web\/a: idle\n$/)
  t.match(plane.backends, { web: [{ admin: 'drain' }, { admin: 'maint' }], db: [{ weight: 9 }] })
})

t.test('status --watch ends when nobody reads it any more', async (t) => {
  const { url, close } = await startAdmin()
  t.teardown(close)
  for (const args of [[], ['--json']]) {
    const child = spawn(process.execPath, [entry, 'status', '--watch', ...args, '--admin', url], {
      stdio: ['ignore', 'pipe', 'pipe']
    })
    t.teardown(() => child.kill('SIGKILL'))
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (data) => (stderr += data))
    await once(child.stdout, 'data')
    child.stdout.destroy()
    const [code] = await once(child, 'exit')
    t.same({ code, stderr }, { code: 0, stderr: '' })
  }
})

t.test('failures are one line and an exit code, never a stack trace', async (t) => {
  const { plane, url, close } = await startAdmin('s3cret')
  t.teardown(close)
  plane.backends.web![0]!.active = 1
  const env = { LB_ADMIN_TOKEN: 's3cret' }
  const [away, busy, unknown, token, usage] = await Promise.all([
    lb(['status', '--admin', 'unix:/nonexistent.sock']),
    lb(['drain', 'web/a', '--wait', '100ms', '--admin', url], { env }),
    lb(['drain', 'web/aa', '--admin', url], { env }),
    lb(['reload', '--admin', url]),
    lb(['weight', 'web/a', '0', '--admin', url], { env })
  ])
  t.match(away, { status: 1, stdout: '', stderr: /^lb: no lb answers at unix:\/nonexistent\.sock: .*\n$/ })
  t.match(busy, { status: 1, stderr: 'lb: web/a still has 1 active after 0.1 s\n' })
  t.match(unknown, { status: 2, stderr: /^lb: pool web has no backend "aa"; did you mean "a"\?\n$/ })
  t.match(token, { status: 1, stderr: /LB_ADMIN_TOKEN/ })
  t.match(usage!.stderr, /1 to 1000/)
})
