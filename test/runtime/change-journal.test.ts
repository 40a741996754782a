import t from 'tap'
import type { Backend } from '../../src/balancer/pool/backend.ts'
import { Metrics } from '../../src/core/metrics/metrics.ts'
import { ChangeJournal } from '../../src/runtime/control/reload/change-journal.ts'
import { memoryLogger } from '../fakes/memory-logger.ts'

t.test('the reason of a backend is that of the state which it is shown in', async (t) => {
  const journal = new ChangeJournal(memoryLogger(), new Metrics(() => {}))
  const backend = { key: 'web/a', probe: 'up', admin: 'ready', breaker: 'closed', ejected: false }
  const change = (axis: 'admin' | 'probe' | 'breaker' | 'ejection', to: string, reason: string) => {
    Object.assign(backend, axis === 'ejection' ? { ejected: to === 'ejected' } : { [axis]: to })
    journal.record({ pool: 'web', backend: 'a', axis, from: '', to, reason })
    return journal.reasonOf(backend as unknown as Backend)
  }
  t.equal(change('probe', 'up', 'status 200'), 'status 200')
  t.equal(change('probe', 'down', '3 probes failed'), '3 probes failed')
  t.equal(change('breaker', 'open', '5 failures in a row'), '3 probes failed', 'it is down, whatever comes after')
  t.equal(change('admin', 'drain', 'operator'), '3 probes failed')
  t.equal(change('probe', 'up', 'probe passed'), '5 failures in a row')
  t.equal(change('ejection', 'ejected', 'fails more than the others'), 'fails more than the others')
  t.equal(change('breaker', 'closed', 'the trial succeeded'), 'fails more than the others')
  t.equal(change('ejection', 'in', 'its time is over'), 'operator')
  t.equal(change('admin', 'ready', 'operator says so'), 'operator says so', 'the last one where it may be picked')
}) // prettier-ignore
