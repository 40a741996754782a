import t from 'tap'
import { choosePins } from '../../bench/harness/pins.ts'
import { parseCpuList, parseKilobytes, parseStat, treeOf } from '../../bench/harness/proc.ts'

const stat = (pid: number, name: string, parent: number, user: number, system: number): string =>
  `${pid} (${name}) S ${parent} 1 1 0 -1 4194560 100 0 0 0 ${user} ${system} 9 9 20 0 1 0 500 1000 200\n`

t.test('the stat file is read also when the name of the process holds spaces and parentheses', async (t) => {
  t.same(parseStat(stat(12, 'node', 1, 30, 4)), { pid: 12, parent: 1, ticks: 34 })
  t.same(parseStat(stat(13, 'a) R 7 (b', 12, 5, 6)), { pid: 13, parent: 12, ticks: 11 })
  t.equal(parseStat(''), undefined)
})

t.test('a tree is a process with all its descendants, whatever the order of pids', async (t) => {
  const all = [
    { pid: 2, parent: 9, ticks: 1 },
    { pid: 5, parent: 1, ticks: 2 },
    { pid: 9, parent: 5, ticks: 3 },
    { pid: 10, parent: 1, ticks: 4 }
  ]
  t.same(
    treeOf(5, all).map(({ pid }) => pid),
    [2, 5, 9]
  )
  t.same(treeOf(77, all), [])
})

t.test('kilobyte lines and CPU lists', async (t) => {
  t.equal(parseKilobytes('Name:\tx\nRss:   20 kB\nPss:                 282 kB\n', 'Pss'), 282 * 1024)
  t.equal(parseKilobytes('Pss_Anon: 1 kB\n', 'Pss'), undefined)
  t.same(parseCpuList('0-2,5'), [0, 1, 2, 5])
  t.same(parseCpuList('3\n'), [3])
})

t.test('what is measured gets a core to itself; a single core is not divided', async (t) => {
  t.same(choosePins([0, 1]), { proxy: '0', origin: '1', load: '1' })
  t.same(choosePins([2, 4, 6, 8]), { proxy: '2', origin: '4', load: '6' })
  t.equal(choosePins([0]), undefined)
})
