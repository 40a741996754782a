import t from 'tap'
import { runWorld } from './world.ts'

// Longer: node test/e2e/combination/long.ts --minutes 10
t.test('no combination of features loses a byte, crosses an answer or leaves a lease out', async (t) => {
  for (const seed of [1, 7, 9]) {
    const { wrong, features, answered, uploads } = await runWorld(seed, 150)
    t.strictSame(wrong, [], `seed ${seed}: ${features.join(', ')}`)
    t.ok(answered > 100 && uploads > 20, `${answered} answers, ${uploads} uploads`)
  }
})
