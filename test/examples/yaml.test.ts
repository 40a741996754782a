import t from 'tap'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { reachable, type Target } from '../../examples/reachable.ts'
import { tour } from '../../examples/tour.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..', '..')
const lb = join(root, 'bin', 'lb.js')
const folder = join(root, 'examples')
const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'))

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** The example with its listeners on free ports, so that it can run beside anything else. */
async function withFreePorts(yaml: string): Promise<string> {
  let text = yaml
  for (const { port } of tour(yaml).targets) {
    text = text.replace(`bind: 127.0.0.1:${port}`, `bind: 127.0.0.1:${await freePort()}`)
    text = text.replace(`bind: '127.0.0.1:${port}'`, `bind: '127.0.0.1:${await freePort()}'`)
  }
  return text
}

for (const file of files) {
  t.test(`examples/${file} is valid, boots, and ends on SIGTERM with exit code 0`, async (t) => {
    await t.resolves(run(process.execPath, [lb, 'check', join(folder, file)]))

    const yaml = await withFreePorts(readFileSync(join(folder, file), 'utf8'))
    const copy = join(t.testdir(), file)
    writeFileSync(copy, `workers: 1\n${yaml}`)
    const child = spawn(process.execPath, [lb, '--config', copy], { stdio: ['ignore', 'pipe', 'pipe'] })
    t.teardown(() => child.kill('SIGKILL'))
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    const exited = once(child, 'exit')
    const targets: readonly Target[] = tour(yaml).targets
    t.not(targets.length, 0)
    const up = await reachable(targets, 10_000, () => child.exitCode !== null)
    t.ok(up, 'every listener accepts', { output })
    child.kill('SIGTERM')
    t.same(await exited, [0, null])
  })
}
