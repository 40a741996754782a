import { renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { FakeClock } from '../../fakes/fake-clock.ts'
import { memoryLogger } from '../../fakes/memory-logger.ts'
import { WatchedFile } from '../../../src/l7/stages/watched-file.ts'

function watched(t: Test, first: string) {
  const clock = new FakeClock()
  const log = memoryLogger()
  const dir = t.testdir({ file: first })
  const path = join(dir, 'file')
  /** Written `ago` ms before now, as far as the file system says. */
  const put = (text: string, ago = 0, at = path) => {
    writeFileSync(at, text)
    const seconds = (clock.wall() - ago) / 1000
    utimesSync(at, seconds, seconds)
  }
  put(first)
  const make = (text: string) => {
    if (text.includes('bad')) throw new Error('it is bad')
    return text
  }
  const file = new WatchedFile(path, 'words', 'none', make, clock, log).begin()
  return { clock, log, dir, path, put, file }
}

t.test('a file that is being written is read once it has come to rest', (t) => {
  const { clock, put, file } = watched(t, 'alice 3q2-7wAAAAA')
  t.equal(file.current, 'alice 3q2-7wAAAAA', 'at the start it is read as it is')
  clock.advance(1000)
  put('')
  t.equal(file.current, 'alice 3q2-7wAAAAA', 'it was emptied just now')
  clock.advance(100)
  put('alice 3q2')
  t.equal(file.current, 'alice 3q2-7wAAAAA', 'a part of it stands there')
  clock.advance(50)
  put('alice 3q2-7wBBBBB')
  clock.advance(50)
  t.equal(file.current, 'alice 3q2-7wAAAAA')
  clock.advance(100)
  t.equal(file.current, 'alice 3q2-7wBBBBB')
  clock.advance(1000)
  put('from a machine whose clock is ahead', -5000)
  t.equal(file.current, 'from a machine whose clock is ahead')
  t.end()
})

t.test('renames, links, what is wrong and what is gone', (t) => {
  const { clock, log, dir, path, put, file } = watched(t, 'one')
  const errors = () => log.lines.filter(({ level }) => level === 'error').length
  t.equal(file.current, 'one')
  const other = join(dir, 'other')
  put('two', 5000, other)
  renameSync(other, path)
  clock.advance(1000)
  t.equal(file.current, 'two')
  put('bad', 500)
  for (let i = 0; i < 3; i++) {
    clock.advance(1000)
    t.equal(file.current, 'two', 'what was right stays')
  }
  t.equal(errors(), 1, 'told once')
  rmSync(path)
  clock.advance(1000)
  t.equal(file.current, 'two')
  t.equal(errors(), 2)
  for (const name of ['three', 'four']) {
    put(name, 5000, join(dir, name))
    rmSync(path, { force: true })
    symlinkSync(join(dir, name), path)
    clock.advance(1000)
    t.equal(file.current, name)
  }
  t.end()
})
