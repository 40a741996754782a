import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'

const run = promisify(execFile)

t.test('the engine works the same over node:net, where raw handles are not to be had', async (t) => {
  const file = join(import.meta.dirname, 'engine.test.ts')
  const env = { ...process.env, LB_NET: 'sockets' }
  // It ends with an error when a test fails.
  const { stdout } = await run(process.execPath, [file], { env, maxBuffer: 1 << 24 })
  t.match(stdout, /^ok 1 - a connection is relayed/m)
  t.notMatch(stdout, /not ok/)
})
