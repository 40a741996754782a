import t from 'tap'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { reachable } from '../../examples/reachable.ts'
import { checkOutside } from '../../src/runtime/control/check/check-outside.ts'
import { type Config, loadConfig, start } from '../../src/index.ts'

const folder = join(import.meta.dirname, '..', '..', 'examples')
const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'))

interface Yaml {
  acme?: { storage?: string }
  plugins?: string[]
  listeners: { bind: string; name?: string; protocol?: string }[]
}

/** The example on ports that are free, in this thread, with what it stores in a folder of the test's. */
function elsewhere(text: string, storage: string): Config {
  const yaml = parse(text) as Yaml
  const listeners = yaml.listeners.map((listener) => ({ ...listener, bind: '127.0.0.1:0' }))
  if (yaml.acme !== undefined) yaml.acme.storage = storage
  const plugins = (yaml.plugins ?? []).map((path) => join(folder, path))
  return { ...yaml, plugins, listeners, workers: 0, log: { level: 'silent' } } as unknown as Config
}

t.ok(files.length >= 9, 'the examples are found')

for (const file of files) {
  t.test(`examples/${file} is valid, and boots as a user would find it`, async (t) => {
    const path = join(folder, file)
    const config = await loadConfig(path)
    const { listeners } = config
    const { findings } = await checkOutside(config)
    t.strictSame(
      findings.filter(({ severity }) => severity === 'error'),
      [],
      'lb check has nothing against it'
    )
    const running = await start(elsewhere(readFileSync(path, 'utf8'), t.testdir()))
    t.teardown(() => running.kill())
    t.equal(running.addresses.length, listeners.length)
    const { listeners: written } = parse(readFileSync(path, 'utf8')) as Yaml
    const datagrams = new Set(written.filter(({ protocol }) => protocol === 'udp').map(({ name }) => name))
    const connections = running.addresses.filter(({ listener }) => !datagrams.has(listener))
    const targets = connections.map(({ host, port }) => ({ host: host!, port: port! }))
    t.ok(await reachable(targets, 5_000, () => false), 'every listener accepts')
    await running.stop({ graceMs: 0 })
  })
}
