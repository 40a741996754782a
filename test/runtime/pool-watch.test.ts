import t from 'tap'
import type { Pool } from '../../src/balancer/pool/pool.ts'
import { memoryLogger } from '../fakes/memory-logger.ts'
import { PoolWatch } from '../../src/runtime/control/watch/pool-watch.ts'

t.test('a pool without a usable backend is logged once, and so is its return', async (t) => {
  const log = memoryLogger()
  const watch = new PoolWatch(log)
  const backends = [
    { admin: 'ready', healthy: true },
    { admin: 'ready', healthy: true }
  ]
  const pool = { name: 'web', backends } as unknown as Pool
  const change = (index: number, to: Partial<(typeof backends)[0]>) => {
    Object.assign(backends[index]!, to)
    watch.changed(pool)
  }
  change(0, { healthy: false })
  t.strictSame(log.lines, [])
  change(1, { admin: 'drain' })
  change(0, { admin: 'maint' })
  t.match(log.lines, [
    { level: 'warn', message: 'pool web has no usable backend: of 2 backends 1 taken out, the others down' }
  ])
  change(1, { admin: 'ready' })
  change(0, { admin: 'ready', healthy: true })
  t.match(log.lines.slice(1), [{ level: 'info', message: 'pool web can serve again' }])
  t.equal(log.lines.length, 2)
  change(0, { healthy: false })
  change(1, { healthy: false })
  watch.retain(new Map())
  watch.changed(pool)
  t.equal(log.lines.length, 4, 'a pool that was gone is told of again')
})
