import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'

const run = promisify(execFile)

t.test('the engine works the same over node:net, where raw handles are not to be had', async (t) => {
  const file = join(import.meta.dirname, 'engine.test.ts')
  const env = { ...process.env, LB_NET: 'sockets' }
  const { stdout } = await run(process.execPath, [file], { env, maxBuffer: 1 << 24 })
  t.match(stdout, /# \{ total: \d+, pass: \d+ \}/)
})
