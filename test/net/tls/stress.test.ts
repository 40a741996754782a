import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'

const run = promisify(execFile)

// It aborts at once where OpenSSL's handle is not kept reachable, and where a second write is begun before the first is done.
for (const net of ['raw', 'sockets']) {
  t.test(`clients and owners at their worst, under a collector that never rests (${net})`, async (t) => {
    const args = ['--expose-gc', join(import.meta.dirname, 'stress.ts'), '300']
    const env = { ...process.env, LB_NET: net }
    const { stdout } = await run(process.execPath, args, { env, timeout: 100_000 })
    const left = JSON.parse(stdout) as { open: number; waiting: number; secured: number }
    t.match(left, { open: 0, waiting: 0 })
    t.ok(left.secured > 50, `${left.secured} connections`)
  })
}
