import t from 'tap'
import { parseH2load } from '../../bench/load/h2load.ts'
import { lbConfig } from '../../bench/targets/lb.ts'
import { plainWork, stageNames, type Work } from '../../bench/targets/target.ts'
import { configFromObject } from '../../src/config/parse-config.ts'

t.test('what h2load prints is read, whatever unit its time has', async (t) => {
  const output = (time: string): string =>
    `\nfinished in ${time}, 812.20 req/s, 191.84KB/s\n` +
    'requests: 1600 total, 1600 started, 1598 done, 1596 succeeded, 3 failed, 1 errored, 0 timeout\n'
  t.same(parseH2load(output('1.97s')), { completed: 1596, errors: 4, seconds: 1.97, bytes: 0 })
  t.equal(parseH2load(output('250.00ms')).seconds, 0.25)
  t.throws(() => parseH2load('connect failed'), /no result: connect failed/)
})

t.test('lb takes the configuration of every kind of work', async (t) => {
  const kinds: Partial<Work>[] = [
    ...[stageNames.slice(0, 5), stageNames].map((stages): Partial<Work> => ({ stages })),
    { accessLog: true },
    { cache: true, pipelining: 8, routes: 10, health: true },
    { h2: true },
    { mode: 'tcp' },
    { mode: 'udp', udpResponses: 1 }
  ]
  for (const kind of kinds) {
    const result = configFromObject(lbConfig({ ...plainWork, backends: ['127.0.0.1:9'], ...kind }, 8080))
    t.ok(result.ok, JSON.stringify(kind))
  }
})
