import t from 'tap'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { takeTurn } from '../../bench/harness/turn.ts'

t.test('one benchmark waits for the other, and takes over what a dead one left', async (t) => {
  const file = join(t.testdir(), 'turn')
  writeFileSync(file, '4194305')
  const giveBack = await takeTurn(file, () => t.fail('nobody runs under a pid above the largest'))
  t.equal(readFileSync(file, 'utf8'), String(process.pid))

  const waitedFor: number[] = []
  const second = takeTurn(file, (pid) => {
    waitedFor.push(pid)
    giveBack()
  })
  const giveBackSecond = await second
  t.same(waitedFor, [process.pid])
  giveBackSecond()
  t.notOk(existsSync(file))
})
