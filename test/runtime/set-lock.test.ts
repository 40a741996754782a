import { Worker } from 'node:worker_threads'
import { once } from 'node:events'
import t from 'tap'
import { lockSet, unlockSet } from '../../src/shared/set-lock.ts'

t.test('a lock whose holder is slow is waited for, and one whose holder died is taken', async (t) => {
  const locks = new Int32Array(new SharedArrayBuffer(8))
  const path = new URL('../../src/shared/set-lock.ts', import.meta.url).href
  const hold = (set: number, ms: number) => `
    const { parentPort, workerData } = require('node:worker_threads')
    import('${path}').then(({ lockSet, unlockSet }) => {
      lockSet(workerData, ${set})
      parentPort.postMessage('held')
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${ms})
      unlockSet(workerData, ${set})
    })`
  const slow = new Worker(hold(0, 200), { eval: true, workerData: locks })
  await once(slow, 'message')
  const began = performance.now()
  lockSet(locks, 0)
  t.ok(performance.now() - began > 100, 'not before it was given back')
  unlockSet(locks, 0)
  await once(slow, 'exit')

  const dying = new Worker(hold(1, 60_000), { eval: true, workerData: locks })
  await once(dying, 'message')
  await dying.terminate()
  const owner = locks[1]
  t.not(owner, 0)
  unlockSet(locks, 1)
  t.equal(locks[1], owner, 'nobody gives back what is not his')
  lockSet(locks, 1)
  unlockSet(locks, 1)
  t.equal(locks[1], 0)
})
