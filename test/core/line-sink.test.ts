import t from 'tap'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { LineSink } from '../../src/core/log/line-sink.ts'

const sinkUrl = new URL('../../src/core/log/line-sink.ts', import.meta.url)
const logUrl = new URL('../../src/core/log/log.ts', import.meta.url)

/** Runs code in a process of its own whose stdout is a pipe (what spawn calls a pipe is a socket). */
async function run(code: string, reader: string) {
  const script = `"$NODE" --input-type=module-typescript -e "$CODE" | (${reader})`
  const child = spawn('sh', ['-c', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, NODE: process.execPath, CODE: code }
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (data) => (output += data))
  await once(child, 'close')
  return { output }
}

t.test('lines in ASCII and others keep their order, also those longer than what gathers', async (t) => {
  const file = join(t.testdir(), 'log')
  const fd = openSync(file, 'a')
  t.teardown(() => closeSync(fd))
  const sink = new LineSink(fd, true)
  t.teardown(() => sink.close())
  let expected = ''
  for (let i = 0; i < 1_500; i++) {
    const ascii = i % 3 !== 0
    const line = `${i} ${(ascii ? 'a' : '\u20ac').repeat(i % 100 === 0 ? 90_000 : (i * 37) % 900)}\n`
    expected += line
    sink.write(line, i % 50 !== 0, ascii)
  }
  await sink.flush()
  t.ok(readFileSync(file, 'utf8') === expected, 'as they were written')
})

t.test('lines arrive whole and in order, whatever their length', async (t) => {
  const file = join(t.testdir(), 'log')
  const fd = openSync(file, 'a')
  t.teardown(() => closeSync(fd))
  const sink = new LineSink(fd, true)
  t.teardown(() => sink.close())
  let expected = ''
  for (let i = 0; i < 2_000; i++) {
    const line = `${i} ${'ä'.repeat((i * 37) % 900)}\n`
    expected += line
    sink.write(line)
  }
  await sink.flush()
  t.equal(readFileSync(file, 'utf8'), expected)
  await sink.flush()
  sink.write('last\n')
  sink.close()
  t.equal(readFileSync(file, 'utf8'), `${expected}last\n`)
})

t.test(
  'lines of several threads on one pipe never mix, and none is lost when the threads end or throw',
  async (t) => {
    const worker = `
    const { workerData } = require('node:worker_threads')
    import(${JSON.stringify(logUrl)}).then(({ createLogger }) => {
      const log = createLogger({ buffered: true, fields: { worker: workerData } })
      for (let i = 0; i < 3000; i++) log.info({ i, pad: 'x'.repeat(i % 500) }, 'line')
      setTimeout(() => { log.info({}, 'end'); if (workerData === 1) throw new Error('crash'); process.exit(0) }, 20)
    })`
    const { output } = await run(
      `import { Worker } from 'node:worker_threads'
     for (const n of [1, 2, 3]) new Worker(${JSON.stringify(worker)}, { eval: true, execArgv: [], workerData: n }).on('error', () => {})`,
      'sleep 0.3; cat'
    )
    const last = new Map<number, number>()
    let ends = 0
    const lines = output.trimEnd().split('\n')
    t.equal(lines.length, 9003)
    let ordered = true
    for (const line of lines) {
      const { worker, i, msg } = JSON.parse(line)
      if (msg === 'end') ends++
      else {
        ordered &&= i === (last.get(worker) ?? -1) + 1
        last.set(worker, i)
      }
    }
    t.ok(ordered)
    t.equal(ends, 3)
  }
)

t.test('a reader that stalls costs bounded memory, then lines, and the log says how many', async (t) => {
  // The reader begins when the event loop of the writer lets it: a writer that waited for it would wait for ever.
  const go = join(t.testdir({}), 'go')
  const { output } = await run(
    `import { writeFileSync } from 'node:fs'
     import { LineSink } from ${JSON.stringify(sinkUrl)}
     const sink = new LineSink(1, true)
     const line = 'x'.repeat(999) + '\\n'
     for (let i = 0; i < 20_000; i++) sink.write(line)
     setTimeout(async () => {
       writeFileSync(${JSON.stringify(go)}, '')
       const open = setInterval(() => {}, 1000)
       await sink.flush()
       sink.write('after\\n')
       clearInterval(open)
     }, 50)`,
    `while [ ! -e "${go}" ]; do sleep 0.05; done; cat`
  )
  const lines = output.trimEnd().split('\n')
  t.equal(lines.pop(), 'after')
  const report = JSON.parse(lines.pop()!)
  t.match(report, { level: 'warn', msg: /dropped/ })
  t.equal(lines.length + report.dropped, 20_000)
  t.ok(lines.length > 8_000 && lines.length < 9_000, `${lines.length} kept`)
})

t.test('a reader that goes away does not end the process', async (t) => {
  const child = spawn(
    process.execPath,
    [
      '--input-type=module-typescript',
      '-e',
      `import { LineSink } from ${JSON.stringify(sinkUrl)}
       const sink = new LineSink(1, true)
       process.stdin.resume().on('end', async () => {
         sink.write('nobody reads this\\n')
         await sink.flush()
         sink.write('nor this\\n')
         process.exitCode = 7
       })`
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] }
  )
  child.stdout.destroy()
  child.stdin.end()
  const [status] = await once(child, 'exit')
  t.equal(status, 7)
})
