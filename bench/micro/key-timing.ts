/**
 * `node bench/micro/key-timing.ts [tries]`: whether the time of looking up an API key tells how much of a guess is right. Guesses
 * share 0 to 31 characters with a key of 32 of a table with 10,000, in random order, each a new string; classes are compared with the
 * class that shares nothing by Welch's t over the middle 90 % of the tries. Two controls: a comparison that stops at the first
 * difference, which does tell, and guesses at one key of which the table knows nothing. The latter differ as guesses at a key of
 * the table do: those that share 31 characters are few different texts, whose buckets stay in the processor's cache.
 */
import { randomBytes } from 'node:crypto'
import { KeyTable } from '../../src/l7/stages/auth/api-keys/key-table.ts'
import { keyOwner } from '../../src/l7/stages/auth/api-keys/key-owner.ts'
import { textTable } from '../report/text-table.ts'

const SHARED = [0, 1, 8, 16, 24, 31]
const KEYS = 10_000
const REPEAT = 16
const tries = Number(process.argv[2] ?? 1_000_000)

const newKey = () => randomBytes(24).toString('base64url')
const keys = Array.from({ length: KEYS }, newKey)
const table = new KeyTable()
for (const [i, key] of keys.entries()) table.add(key, keyOwner(`user-${i}`, []))

/** Wrong from `shared` on. */
function guess(right: string, shared: number): string {
  let wrong = newKey()
  while (wrong[shared] === right[shared]) wrong = newKey()
  return Buffer.from(right.slice(0, shared) + wrong.slice(shared)).toString('latin1')
}

/** Mean and variance of the middle 90 %. */
function moments(values: Float64Array): { mean: number; variance: number; count: number } {
  const middle = values.sort().subarray(Math.floor(values.length * 0.05), Math.ceil(values.length * 0.95))
  const mean = middle.reduce((sum, value) => sum + value, 0) / middle.length
  const variance = middle.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (middle.length - 1)
  return { mean, variance, count: middle.length }
}

function run(name: string, look: (guess: string, right: string) => unknown, of = keys): string[][] {
  const each = Math.floor(tries / SHARED.length)
  const times = SHARED.map(() => new Float64Array(each))
  const taken = SHARED.map(() => 0)
  let found = 0
  for (let left = each * SHARED.length; left > 0; left--) {
    let at = Math.floor(Math.random() * SHARED.length)
    while (taken[at] === each) at = (at + 1) % SHARED.length
    const right = of[Math.floor(Math.random() * of.length)]!
    const text = guess(right, SHARED[at]!)
    const from = process.hrtime.bigint()
    for (let i = 0; i < REPEAT; i++) if (look(text, right)) found++
    times[at]![taken[at]!++] = Number(process.hrtime.bigint() - from) / REPEAT
  }
  if (found > 0) throw new Error('a guess was right')
  const [none, ...others] = times.map(moments)
  return [
    [name, '0', none!.mean.toFixed(2), ''],
    ...others.map(({ mean, variance, count }, index) => {
      const t = (mean - none!.mean) / Math.sqrt(variance / count + none!.variance / none!.count)
      return ['', String(SHARED[index + 1]), mean.toFixed(2), t.toFixed(2)]
    })
  ]
}

const naive = (guess: string, right: string): boolean => {
  for (let i = 0; i < right.length; i++) if (guess.charCodeAt(i) !== right.charCodeAt(i)) return false
  return true
}

// Both are compiled before anything is counted.
const lookUp = (guess: string) => table.find(guess)
for (let i = 0; i < 200_000; i++) {
  const right = keys[i % KEYS]!
  lookUp(newKey())
  naive(newKey(), right)
}
console.log(
  textTable([
    ['', 'shared', 'ns', 't against 0'],
    ...run('the table of keys', lookUp),
    ...run('one key of it', lookUp, keys.slice(0, 1)),
    ...run('control: one key that it does not have', lookUp, [newKey()]),
    ...run('control: stops at the first difference', naive)
  ])
)
