import { connect, type Socket } from 'node:net'
import t from 'tap'
import { startLb } from '../e2e/servers.ts'
import { runBattery } from './battery.ts'
import { knownFailure } from './known-failures.ts'
import { RawOrigin } from './raw-origin.ts'

t.test('every case of the battery comes out as it must', async (t) => {
  const origin = new RawOrigin()
  const port = await origin.listen()
  t.teardown(() => origin.close())
  const lb = await startLb(t, {
    workers: 0,
    listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' }],
    // The broken answers of the battery must not eject its only backend.
    pools: { web: { backends: [`127.0.0.1:${port}`], breaker: false, retry: { attempts: 0 } } }
  })
  const open = (): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const socket = connect(lb.port('web'), '127.0.0.1', () => resolve(socket))
      socket.on('error', reject)
    })
  const results = await runBattery(open, origin, (name) => (knownFailure(name) === undefined ? 1500 : 150))
  for (const { name, bytes, failure } of results) {
    const todo = knownFailure(name)
    const extra = { bytes: JSON.stringify(bytes.slice(0, 300)), ...(todo === undefined ? {} : { todo }) }
    if (failure === undefined) t.pass(name)
    else t.fail(`${name}: ${failure}`, extra)
  }
  t.ok(results.length > 300, `${results.length} cases`)
})
