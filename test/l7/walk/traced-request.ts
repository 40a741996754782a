import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import type { Trace } from './trace-hooks.ts'
import { start } from '../../../src/index.ts'

// Run under trace-hooks.ts: sends small GETs over one kept connection through the smallest configuration, and writes as JSON
// which files of src/ one of them enters. With --tree: the calls, indented, for people.

const { lbTrace } = globalThis as unknown as { lbTrace: Trace }

/** What one request enters, in the order of first entry. */
export interface Walk {
  readonly files: readonly string[]
  /** Entered again by a call of what they had called themselves, with the functions that were called. */
  readonly calledBack: Readonly<Record<string, readonly string[]>>
}

const HEAD = 'Date: Sat, 28 Nov 2026 00:00:00 GMT\r\nContent-Type: text/plain\r\n'
const backend = createServer((socket) => {
  socket.on('error', () => {})
  socket.on('data', () => socket.write(`HTTP/1.1 200 OK\r\n${HEAD}Content-Length: 5\r\n\r\nhello`))
})
backend.listen(0, '127.0.0.1')
await once(backend, 'listening')

const lb = await start({
  workers: 0,
  listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' }],
  pools: { web: { backends: [{ address: `127.0.0.1:${(backend.address() as AddressInfo).port}` }] } }
})
const client = connect(Number(lb.addresses[0]!.address.split(':').at(-1)), '127.0.0.1')
await once(client, 'connect')

async function get(): Promise<void> {
  client.write('GET / HTTP/1.1\r\nHost: a.test\r\nUser-Agent: x\r\nAccept: */*\r\n\r\n')
  await once(client, 'data')
  await turn()
  await turn()
}

for (let i = 0; i < 30; i++) await get()
const runs: Trace['steps'][] = []
for (let i = 0; i < 10; i++) {
  // Timers of the process run between the requests.
  await wait(1)
  lbTrace.steps = []
  lbTrace.on = true
  await get()
  lbTrace.on = false
  runs.push(lbTrace.steps)
}

// A sweep of deadlines may fall into some of them: what all have is the request's.
const sets = runs.map((steps) => new Set(steps.map((step) => (step === 'left' ? '' : step.file))))
const shortest = runs.reduce((a, b) => (b.length < a.length ? b : a))
const stack: string[] = []
const calledBack: Record<string, string[]> = {}
const files = new Set<string>()
const tree: string[] = []
for (const step of shortest) {
  if (step === 'left') {
    stack.pop()
    continue
  }
  const { file, name } = step
  tree.push(`${'  '.repeat(stack.length)}${file} ${name}`)
  if (sets.every((set) => set.has(file))) files.add(file)
  if (stack.at(-1) !== file && stack.includes(file)) (calledBack[file] ??= []).push(name)
  stack.push(file)
}
const walk: Walk = { files: [...files], calledBack }
process.stdout.write(process.argv.includes('--tree') ? tree.join('\n') : JSON.stringify(walk))
client.destroy()
await lb.kill()
backend.close()
