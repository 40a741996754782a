import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { runWorld, type WorldOptions } from './world.ts'

// Longer: node test/e2e/combination/long.ts --minutes 10. Other seeds: LB_SEED=123 before it.
const first = Number(process.env['LB_SEED'] ?? 1)

t.setTimeout(240_000)

const worlds: readonly Omit<WorldOptions, 'requests'>[] = [
  { backend: 'tls', features: { 'cache with stale-if-error': true, 'worker death': false } },
  { backend: 'h2', features: { reload: true, 'worker death': false } },
  { backend: 'unix', features: { 'worker death': true, discovery: true } }
]

for (const [at, world] of worlds.entries()) {
  const seed = first + at
  t.test(
    `seed ${seed}: no combination loses a byte, crosses an answer or leaves anything over`,
    async (t) => {
      const { wrong, features, answered, uploads, lateMs } = await runWorld(seed, { requests: 80, ...world })
      t.strictSame(wrong, [], `a timer ${lateMs} ms late; ${features.join(', ')}`)
      t.ok(answered > 10 && uploads > 0, `${answered} answers, ${uploads} uploads`)
    }
  )
}

t.test('over sockets of Node alike', async (t) => {
  const args = ['--worlds', '1', '--seed', String(first), '--requests', '60']
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'long.ts'), '--off', 'worker death', ...args],
    {
      env: { ...process.env, LB_NET: 'sockets', NODE_OPTIONS: '' }
    }
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += String(text)))
  const [code] = (await once(child, 'close')) as [number]
  t.equal(code, 0, output)
})
