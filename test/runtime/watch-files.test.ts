import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { FakeClock } from '../fakes/fake-clock.ts'
import { watchFiles } from '../../src/runtime/control/watch/watch-files.ts'

/** One look: time moves on, and stat answers from the thread pool. */
async function look(clock: FakeClock): Promise<void> {
  clock.advance(500)
  await new Promise((resolve) => setTimeout(resolve, 150))
}

t.test('a written file is reported once, after a check at which it did not change', async (t) => {
  const file = join(t.testdir({ 'lb.yaml': 'one' }), 'lb.yaml')
  const clock = new FakeClock()
  let changes = 0
  t.teardown(
    watchFiles(
      () => [file],
      clock,
      async () => ++changes > 0
    )
  )
  await look(clock)
  await look(clock)
  t.equal(changes, 0)
  writeFileSync(file, 'two, longer')
  await look(clock)
  t.equal(changes, 0, 'it may still be being written')
  await look(clock)
  t.equal(changes, 1)
  rmSync(file)
  await look(clock)
  await look(clock)
  t.equal(changes, 1, 'gone is no change')
  writeFileSync(file, 'three')
  await look(clock)
  await look(clock)
  t.equal(changes, 2)
})

t.test('a directory swapped behind a symlink is seen, as Kubernetes does with a ConfigMap', async (t) => {
  const dir = t.testdir({ v1: { 'lb.yaml': 'one' } })
  symlinkSync('v1', join(dir, '..data'))
  symlinkSync('..data/lb.yaml', join(dir, 'lb.yaml'))
  const clock = new FakeClock()
  let changes = 0
  t.teardown(
    watchFiles(
      () => [join(dir, 'lb.yaml')],
      clock,
      async () => ++changes > 0
    )
  )
  await look(clock)
  mkdirSync(join(dir, 'v2'))
  writeFileSync(join(dir, 'v2', 'lb.yaml'), 'one')
  symlinkSync('v2', join(dir, '..tmp'))
  renameSync(join(dir, '..tmp'), join(dir, '..data'))
  await look(clock)
  await look(clock)
  t.equal(changes, 1)
})

t.test(
  'a file whose rights have changed is told, and what was refused is told again and again',
  async (t) => {
    const file = join(t.testdir({ 'a.key': 'one' }), 'a.key')
    const clock = new FakeClock()
    let told = 0
    let taken = false
    t.teardown(
      watchFiles(
        () => [file],
        clock,
        async () => {
          told++
          return taken
        }
      )
    )
    const lookUntil = async (count: number): Promise<void> => {
      for (let looks = 0; told < count && looks < 300; looks++) await look(clock)
      t.equal(told, count)
    }
    await look(clock)
    await look(clock)
    chmodSync(file, 0o600)
    await lookUntil(1)
    await lookUntil(2)
    taken = true
    await lookUntil(3)
    clock.advance(60_000)
    await look(clock)
    await look(clock)
    t.equal(told, 3)
  }
)
