import t from 'tap'
import { cgroupLimit } from '../../src/runtime/memory/cgroup-limit.ts'

type Tree = Parameters<typeof t.testdir>[0]

const cases: readonly (readonly [name: string, groups: string, tree: Tree, limit: number])[] = [
  ['version 2, its own', '0::/system.slice/lb.service\n', { 'system.slice': { 'lb.service': { 'memory.max': '1000\n' } } }, 1_000],
  ['version 2, that of a group above', '0::/a/b\n', { a: { 'memory.max': '700\n', b: { 'memory.max': 'max\n' } } }, 700],
  ['version 2, the least', '0::/a/b\n', { a: { 'memory.max': '700\n', b: { 'memory.max': '900\n', 'memory.high': '600\n' } } }, 600],
  ['version 2, a container that does not see its path', '0::/docker/1\n', { 'memory.max': '500\n' }, 500],
  ['version 2, a container outside of its namespace', '0::/../x\n', { 'memory.max': '500\n' }, 500],
  ['version 2, none', '0::/a\n', { a: { 'memory.max': 'max\n' } }, Infinity],
  ['version 1, that of a group above', '9:name=systemd:/\n4:memory:/a/b\n', { memory: { a: { b: { 'memory.stat': 'cache 1\nhierarchical_memory_limit 400\n' } } } }, 400],
  ['version 1, a container that does not see its path', '4:cpu,memory:/docker/1\n0::/\n', { memory: { 'memory.stat': 'hierarchical_memory_limit 300\n' } }, 300],
  ['both versions at once', '4:memory:/\n0::/x\n', { memory: { 'memory.stat': 'hierarchical_memory_limit 300\n' }, unified: { x: { 'memory.max': '200\n' } } }, 200],
  ['no control groups', '', {}, Infinity],
  ['nonsense', 'nonsense\n4:memory\n0::x\n', { 'memory.max': 'a lot\n' }, Infinity]
] // prettier-ignore

t.test('the memory of a worker is that of the control groups, those above included', async (t) => {
  for (const [name, groups, tree, limit] of cases) {
    const root = t.testdir({ proc: { self: { cgroup: groups } }, sys: { fs: { cgroup: tree! } } })
    t.equal(cgroupLimit(root), limit, name)
  }
  t.ok(cgroupLimit() > 0, 'here')
  t.equal(cgroupLimit('/nowhere'), Infinity)
})
