import t from 'tap'
import { sameText } from '../../../../src/l7/stages/auth/keyed-hash.ts'

t.test('two texts are compared to the end, wherever they differ', (t) => {
  const right = 'k'.repeat(32)
  for (let at = 0; at <= 32; at++) {
    let looked = 0
    const guess = {
      length: 32,
      charCodeAt: (i: number) => (looked++, i === at ? 0 : 'k'.charCodeAt(0))
    } as unknown as string
    t.equal(sameText(right, guess), at === 32)
    t.equal(looked, 32, `a difference at ${at}`)
  }
  t.end()
})
