import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { flushLogs, LineSink } from '../../src/core/log/line-sink.ts'
import { logFile } from '../../src/core/log/log-file.ts'

const MORE = 8192

/** A disk of a few pages, with a file on it that can make room. */
function smallDisk(t: Test): { readonly folder: string; makeRoom(): void } | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'lb-disk-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'lb-test', folder]).status === 0
  t.teardown(() => {
    if (mounted) spawnSync('umount', ['-l', folder])
    rmSync(folder, { recursive: true, force: true })
  })
  const filler = join(folder, 'filler')
  if (mounted) writeFileSync(filler, Buffer.alloc(2 * MORE))
  return mounted ? { folder, makeRoom: () => rmSync(filler) } : undefined
}

for (const [flags, words] of [
  ['a', 'opened to append'],
  ['w', "at a position of the shell's"]
] as const) {
  t.test(
    `a log on a full disk holds whole lines only, and goes on once there is room: ${words}`,
    async (t) => {
      const disk = smallDisk(t)
      if (disk === undefined) return void t.pass('skipped: only root can mount a small disk')
      const file = join(disk.folder, 'log')
      const fd = openSync(file, flags)
      t.teardown(() => closeSync(fd))
      const sink = new LineSink(fd, true)
      t.teardown(() => sink.close())
      const lines = () =>
        readFileSync(file, 'utf8')
          .split('\n')
          .filter((line) => line.trim() !== '')
      // A line's end meets no page's end, so that the last one is cut somewhere.
      for (let i = 0; i < 2_000; i++) sink.write(`{"i":${i},"pad":"${'x'.repeat(i % 97)}"}\n`)
      await sink.flush()
      const before = lines()
      t.ok(before.length > 300 && before.length < 2_000, `${before.length} lines`)
      t.ok(readFileSync(file, 'utf8').endsWith('\n'), 'ends with a line')
      before.forEach((line, i) => t.equal((JSON.parse(line) as { i: number }).i, i))
      disk.makeRoom()
      sink.write('{"i":"later"}\n')
      await sink.flush()
      const after = lines().map((line) => JSON.parse(line) as { i?: unknown; dropped?: number; msg?: string })
      t.equal(after.at(-2)!.dropped, 2_000 - before.length, 'what was lost is counted')
      t.match(after.at(-2)!.msg, 'the disk was full')
      t.equal(after.at(-1)!.i, 'later')
    }
  )
}

for (const format of ['combined', 'json']) {
  t.test(`a file tells of lost lines as its format allows: ${format}`, async (t) => {
    const disk = smallDisk(t)
    if (disk === undefined) return void t.pass('skipped: only root can mount a small disk')
    const path = join(disk.folder, format)
    const file = logFile(path, undefined, format)
    for (let i = 0; i < 2_000; i++) file.write(`line ${i} ${'x'.repeat(i % 97)}`)
    await flushLogs()
    disk.makeRoom()
    file.write('later')
    await flushLogs()
    const [told, last] = readFileSync(path, 'utf8').split('\n').filter((line) => line.trim() !== '').slice(-2)
    t.equal(last, 'later')
    const words = 'log lines dropped: the disk was full'
    if (format === 'json') t.match(JSON.parse(told!), { level: 'warn', dropped: Number, msg: words })
    else t.match(told, new RegExp(`^# \\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z warn \\d+ ${words}$`))
  })
} // prettier-ignore
