import { spawnSync } from 'node:child_process'
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { flushLogs, LineSink, reopenLogs } from '../../src/core/log/line-sink.ts'
import { logFile } from '../../src/core/log/log-file.ts'
import { Metrics } from '../../src/core/metrics/metrics.ts'
import { MetricsHub } from '../../src/core/metrics/hub.ts'
import { reportOnItself } from '../../src/runtime/process/report-on-itself.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { memoryLogger } from '../fakes/memory-logger.ts'

/** What a runtime in this thread counts and logs of its logs. */
function runtime(t: Test) {
  const hub = new MetricsHub()
  const source = hub.attach()
  const metrics = new Metrics((announcement) => source.announce(announcement))
  const [log, clock] = [memoryLogger('info'), new FakeClock()]
  t.teardown(reportOnItself({ log, metrics, clock }))
  const lost = (name: string): number => {
    metrics.flush()
    const line = hub
      .render()
      .split('\n')
      .find((line) => line.startsWith(`lb_log_lines_lost_total{log="${name}"}`))
    return Number(line?.split(' ')[1])
  }
  return { log, clock, lost }
}

function smallDisk(t: Test): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'lb-disk-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'lb-test', folder]).status === 0
  t.teardown(() => {
    if (mounted) spawnSync('umount', ['-l', folder])
    rmSync(folder, { recursive: true, force: true })
  })
  return mounted ? folder : undefined
}

t.test('the lines that a log file loses on a full disk are counted, and the main log says so once a minute', async (t) => {
  const disk = smallDisk(t)
  if (disk === undefined) return void t.pass('skipped: only root can mount a small disk')
  const { log, clock, lost } = runtime(t)
  const path = join(disk, 'access.log')
  const file = logFile(path, undefined, 'json')
  t.equal(lost(path), 0, 'the count is there before anything is lost')
  const fill = async () => {
    for (let i = 0; i < 2_000; i++) file.write(`{"i":${i},"pad":"${'x'.repeat(i % 97)}"}`)
    await flushLogs()
  }
  await fill()
  const told = () => log.lines.filter(({ fields }) => (fields as { event?: string }).event === 'log-lost')
  const kept = readFileSync(path, 'utf8').split('\n').length - 1
  t.equal(lost(path), 2_000 - kept)
  t.match(told(), [{ level: 'error', message: `the log ${path} loses lines: the disk was full` }])
  await fill()
  t.equal(told().length, 1, 'not again at once')
  clock.advance(60_000)
  await fill()
  t.equal(told().length, 2)
  rmSync(path)
  reopenLogs()
  file.write('{"i":"later"}')
  await flushLogs()
  t.match(readFileSync(path, 'utf8').trim().split('\n').at(-1), /later/, 'a file that was deleted gives its room back')
}) // prettier-ignore

t.test('a log file that was moved away is closed in this thread, also the first', { skip: !existsSync('/proc/self/fd') && 'needs /proc' }, async (t) => {
  const folder = t.testdir()
  const path = join(folder, 'access.log')
  const file = logFile(path, undefined, 'json')
  const held = () =>
    readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith(path)
      } catch {
        return false
      }
    }).length
  for (let i = 1; i <= 3; i++) {
    file.write(`{"i":${i}}`)
    await flushLogs()
    renameSync(path, `${path}.${i}`)
    reopenLogs()
    t.equal(held(), 1, `after ${i}`)
  }
}) // prettier-ignore

t.test('lines for a reader that is gone are counted', async (t) => {
  const { lost } = runtime(t)
  const fifo = join(t.testdir(), 'pipe')
  if (spawnSync('mkfifo', [fifo]).status !== 0) return void t.pass('skipped: there is no mkfifo')
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK)
  const writer = openSync(fifo, constants.O_WRONLY)
  const sink = new LineSink(writer, false)
  t.teardown(() => {
    sink.close()
    closeSync(writer)
  })
  sink.write('{"i":0}\n')
  closeSync(reader)
  for (let i = 1; i <= 5; i++) sink.write(`{"i":${i}}\n`)
  await sink.flush()
  t.equal(lost('main'), 5)
})
