import t from 'tap'
import { flushLogs } from '../../src/core/log/line-sink.ts'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createLogger } from '../../src/core/log/log.ts'
import { memoryLogger } from '../fakes/memory-logger.ts'

t.test('a line is one JSON object with level, time, fields and message', async (t) => {
  const file = join(t.testdir(), 'log')
  const fd = openSync(file, 'a')
  t.teardown(() => closeSync(fd))
  const log = createLogger({ fd, format: 'json', fields: { worker: 1 } })

  log.info({ listener: 'web', backend: 'a', err: new Error('no', { cause: new Error('why') }) }, 'hello')
  log.debug({}, 'not at this level')

  const line = JSON.parse(readFileSync(file, 'utf8'))
  t.match(line, { level: 'info', worker: 1, listener: 'web', backend: 'a', msg: 'hello' })
  t.match(line.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  t.match(line.err, { type: 'Error', stack: /why/ })
})

t.test('a buffered logger writes after flush', async (t) => {
  const file = join(t.testdir(), 'log')
  const fd = openSync(file, 'a')
  t.teardown(() => closeSync(fd))
  const log = createLogger({ fd, format: 'json', buffered: true })

  log.info({ n: 1 }, 'one')
  t.equal(readFileSync(file, 'utf8'), '')
  await flushLogs()
  t.match(JSON.parse(readFileSync(file, 'utf8')), { n: 1, msg: 'one' })
})

t.test('the memory logger keeps level, fields and message', async (t) => {
  const log = memoryLogger('info')
  log.warn({ pool: 'p', backend: 'b' }, 'down')
  log.debug({}, 'quiet')
  t.strictSame(log.lines, [{ level: 'warn', message: 'down', fields: { pool: 'p', backend: 'b' } }])
})

t.test('on a terminal a line is the message and the fields that it does not contain', async (t) => {
  const file = join(t.testdir(), 'log')
  const fd = openSync(file, 'a')
  t.teardown(() => closeSync(fd))
  const log = createLogger({ fd, format: 'pretty', fields: { worker: 1 } })
  log.info({ listener: 'web', address: '127.0.0.1:80', tls: false }, 'listener web on 127.0.0.1:80')
  log.error({ target: '/a b\x1b[2J', err: new Error('no', { cause: new Error('why') }) }, 'bad \x1b]0;thing')
  const lines = readFileSync(file, 'utf8').split('\n')
  t.match(lines[0], /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: listener web on 127\.0\.0\.1:80 {2}worker=1 tls=false$/)
  t.match(lines[1], /ERROR: bad \?\]0;thing {2}worker=1 target="\/a b\\u001b\[2J"$/)
  t.match(lines[2], /^ {4}Error: no/)
  t.match(lines.join('\n'), /caused by: Error: why/)
  t.notMatch(lines.join(''), /\x1b/)
})
