import t from 'tap'
import { LoadTree, treeBytes, type LoadOrder } from '../../src/balancer/table/load-tree.ts'
import type { View } from '../../src/balancer/pool/view.ts'
import { seededRandom } from '../../src/core/random.ts'

const noView = undefined as unknown as View

t.test('the winner is the least loaded after any change, in pools of any size', async (t) => {
  const random = seededRandom(3)
  for (const size of [1, 2, 7, 8, 9, 64, 65, 513, 5000]) {
    const loads = Array.from({ length: size }, () => Math.floor(random() * 5))
    const order: LoadOrder = { load: (_view, position) => loads[position]! }
    const tree = new LoadTree(new ArrayBuffer(treeBytes(size)), size, order)
    for (let position = 0; position < size; position++) tree.refresh(noView, position)
    let wrong = 0
    for (let change = 0; change < 1000; change++) {
      // Half the changes hit the winner, as picks do.
      const position = random() < 0.5 ? tree.winner : Math.floor(random() * size)
      loads[position] = random() < 0.2 ? Infinity : Math.floor(random() * 6)
      tree.refresh(noView, position)
      if (loads[tree.winner] !== Math.min(...loads)) wrong++
    }
    t.equal(wrong, 0, `${size} backends`)
  }
})

t.test('among equals it is the turn of the one that waited longest', async (t) => {
  const size = 20
  const tree = new LoadTree(new ArrayBuffer(treeBytes(size)), size, { load: () => 0 })
  for (let position = 0; position < size; position++) tree.refresh(noView, position)
  const winners = Array.from({ length: 2 * size }, (_, turn) => {
    const { winner } = tree
    tree.stamp(winner, turn + 1)
    tree.refresh(noView, winner)
    return winner
  })
  t.equal(new Set(winners.slice(0, size)).size, size)
  t.same(winners.slice(size), winners.slice(0, size))
})
