import t from 'tap'
import { selfTimes, type CpuProfile } from '../../bench/report/self-times.ts'

const frame = (id: number, functionName: string, url = '', lineNumber = -1): CpuProfile['nodes'][number] => ({
  id,
  callFrame: { functionName, url, lineNumber }
})

t.test('self times are summed by function, without idle time, the greatest first', async (t) => {
  const profile: CpuProfile = {
    nodes: [
      frame(1, '(root)'),
      frame(2, '(idle)'),
      frame(3, 'parse', 'file:///work/lb/src/parse.ts', 9),
      frame(4, '(program)'),
      frame(5, 'parse', 'file:///work/lb/src/parse.ts', 9),
      frame(6, '', 'node:net', 0)
    ],
    startTime: 1000,
    samples: [2, 3, 4, 5, 3, 6, 2],
    timeDeltas: [500, 10, 30, 20, 10, 30, 500]
  }
  t.same(selfTimes(profile, '/work/lb'), [
    { name: 'parse', place: 'src/parse.ts:10', microseconds: 40, share: 0.4 },
    { name: '(program)', place: '', microseconds: 30, share: 0.3 },
    { name: '(anonymous)', place: 'node:net:1', microseconds: 30, share: 0.3 }
  ])
})

t.test('what was before a moment is left out', async (t) => {
  const nodes = [frame(1, 'start'), frame(2, 'serve')]
  const profile = { nodes, startTime: 1000, samples: [1, 1, 2], timeDeltas: [10, 10, 5] }
  t.same(
    selfTimes(profile, '/', 1021).map(({ name, share }) => [name, share]),
    [['serve', 1]]
  )
})

t.test('a profile of nothing but waiting is empty', async (t) => {
  t.same(selfTimes({ nodes: [frame(1, '(idle)')], startTime: 0, samples: [1], timeDeltas: [7] }, '/'), [])
})
