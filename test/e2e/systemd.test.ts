import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { freePort } from '../free-port.ts'

// Sockets that systemd passes, by its own systemd-socket-activate: it listens, and becomes lb with the first connection.

const bin = resolve(import.meta.dirname, '../../bin/lb.js')
const skip =
  spawnSync('systemd-socket-activate', ['--version']).error !== undefined && 'systemd is not installed'

interface Activated {
  readonly port: number
  readonly path: string
  readonly output: () => string
  write(config: object): void
  says(text: string): Promise<void>
  kill(signal: NodeJS.Signals): void
  readonly ended: Promise<number | null>
}

async function activate(t: Test, config: object, environment: NodeJS.ProcessEnv = {}): Promise<Activated> {
  // The path of a unix socket has room for 107 bytes.
  const folder = mkdtempSync(join(tmpdir(), 'lb-systemd-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'lb.yaml')
  const write = (next: object) => writeFileSync(file, JSON.stringify(next))
  write(config)
  const port = await freePort()
  const path = join(folder, 's')
  const child = spawn(
    'systemd-socket-activate',
    ['-l', `127.0.0.1:${port}`, '-l', path, '--fdname=web:local', process.execPath, bin, '--config', file],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '', LB_LOG: 'json', ...environment }
    }
  )
  t.teardown(() => child.kill('SIGKILL'))
  let output = ''
  let wake = () => {}
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      output += part
      wake()
    })
  }
  const ended = new Promise<number | null>((done) => child.once('close', (code) => (wake(), done(code))))
  const says = async (text: string) => {
    while (!output.includes(text)) {
      if (child.exitCode !== null) throw new Error(output)
      await new Promise<void>((resume) => (wake = resume))
    }
  }
  await says('Listening on')
  return { port, path, output: () => output, write, says, ended, kill: (signal) => child.kill(signal) }
}

function ask(where: { port: number } | { socketPath: string }): Promise<string> {
  return new Promise((done, failed) => {
    const options = { host: '127.0.0.1', ...where, agent: false, timeout: 30_000 }
    request(options, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (part: string) => (body += part))
      response.on('end', () => done(body))
    })
      .on('error', failed)
      .end()
  })
}

const listener = (name: string, bind: string, body: string) => ({
  name,
  bind,
  mode: 'l7',
  routes: [{ match: {}, respond: { status: 200, body } }]
})

for (const workers of [2, 0]) {
  t.test(`lb serves sockets that systemd passes, workers: ${workers}`, { skip }, async (t) => {
    const config = {
      workers,
      listeners: [listener('a', 'systemd:web', 'web'), listener('b', 'systemd:local', 'local')]
    }
    const lb = await activate(t, config)
    // The connection that started it is served too.
    t.equal(await ask({ port: lb.port }), 'web')
    t.equal(await ask({ socketPath: lb.path }), 'local')
    t.strictSame(
      new Set(await Promise.all(Array.from({ length: 40 }, () => ask({ port: lb.port })))),
      new Set(['web'])
    )

    if (workers > 0) {
      lb.write({ workers, listeners: [listener('b', 'systemd:local', 'other')] })
      lb.kill('SIGHUP')
      await lb.says('listener a removed')
      lb.write(config)
      lb.kill('SIGHUP')
      await lb.says('listener a added')
      t.equal(await ask({ port: lb.port }), 'web', 'a socket that was let go is taken again')
    }
    lb.kill('SIGTERM')
    t.equal(await lb.ended, 0, lb.output())
  })
}

t.test('a name that systemd has not passed is said, with those that it has', { skip }, async (t) => {
  const lb = await activate(t, { workers: 1, listeners: [listener('a', 'systemd:wbe', 'x')] })
  await ask({ port: lb.port }).catch(() => {})
  t.equal(await lb.ended, 1)
  t.match(lb.output(), /listeners\[0\]\.bind.*systemd passed no socket named "wbe" \(it passed web, local\)/)
})
