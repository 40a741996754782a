import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'

const run = promisify(execFile)

for (const [path, first] of [
  ['engine.test.ts', 'a connection is relayed'],
  ['tls.test.ts', 'the name in the ClientHello'],
  ['postgres-start.test.ts', 'a client of PostgreSQL'],
  ['../l7/tls/tls.test.ts', 'HTTPS: the certificate']
] as const) {
  t.test(`${path} holds over node:net and node:tls, where raw handles are not to be had`, async (t) => {
    const file = join(import.meta.dirname, path)
    const env = { ...process.env, LB_NET: 'sockets' }
    // It ends with an error when a test fails.
    const { stdout } = await run(process.execPath, [file], { env, maxBuffer: 1 << 24 })
    t.match(stdout, new RegExp(`^ok 1 - ${first}`, 'm'))
    t.notMatch(stdout, /not ok/)
  })
}
