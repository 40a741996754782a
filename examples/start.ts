/**
 * `npm start`: three HTTP backends and a TCP one, each a process of its own (so that one can be killed), then
 * `lb --config lb.yaml`. Ends with lb, and with its exit code.
 */
import { fork, spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import type { Announcement } from './backends/announce.ts'
import { reachable } from './reachable.ts'
import { tour, type Tour } from './tour.ts'

const root = join(import.meta.dirname, '..')
const config = process.argv[2] ?? join(root, 'lb.yaml')
const backends = [
  { name: 'b1', kind: 'http', port: 9001 },
  { name: 'b2', kind: 'http', port: 9002 },
  { name: 'b3', kind: 'http', port: 9003 },
  { name: 't1', kind: 'tcp', port: 9101 }
] as const

const children: ChildProcess[] = []
let ending = false

function end(code: number): void {
  ending = true
  process.exitCode = code
  for (const child of children) if (child.connected) child.disconnect()
}

async function startBackend({ name, kind, port }: (typeof backends)[number]): Promise<string> {
  const script = join(import.meta.dirname, 'backends', `${kind}.ts`)
  const child = fork(script, [name, String(port)])
  children.push(child)
  const answer = await new Promise<Announcement>((resolve) => {
    child.once('message', (message) => resolve(message as Announcement))
    child.once('error', (error) => resolve({ ready: false, reason: error.message }))
    child.once('exit', (code) => resolve({ ready: false, reason: `it ended with code ${code}` }))
  })
  if (!answer.ready) throw new Error(`example backend ${name} cannot run: ${answer.reason}`)
  child.once('exit', () => {
    if (ending) return
    console.log(`\n  backend ${name} ended. lb will notice; bring it back with:`)
    console.log(`    npx node examples/backends/${kind}.ts ${name} ${port}\n`)
  })
  return `  ${name}  ${kind.padEnd(4)}  127.0.0.1:${port}  pid ${child.pid}`
}

/** lb in a process group of its own: a Ctrl-C reaches it once, through here, and not twice (twice means: at once). */
function startLb(): ChildProcess {
  const lb = spawn(process.execPath, [join(root, 'bin', 'lb.js'), '--config', config], {
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true
  })
  let last = -Infinity
  const forward = (signal: NodeJS.Signals): void => {
    // npm passes on the same Ctrl-C that the terminal has sent already.
    if (performance.now() - last < 300) return
    last = performance.now()
    ending = true
    lb.kill(signal)
  }
  process.on('SIGINT', forward)
  process.on('SIGTERM', forward)
  process.on('exit', () => lb.kill('SIGKILL'))
  lb.once('error', (error) => {
    console.error(`lb cannot be started: ${error.message}`)
    end(1)
  })
  // A shell reports a process that a signal ended as 128 and the signal's number.
  lb.once('exit', (code, signal) => end(code ?? 128 + constants.signals[signal ?? 'SIGKILL']))
  return lb
}

/** A file that cannot be read or parsed is lb's to complain about: it does so with line and column. */
function readTour(): Tour {
  try {
    return tour(readFileSync(config, 'utf8'))
  } catch {
    return tour('')
  }
}

async function main(): Promise<void> {
  const started = await Promise.allSettled(backends.map(startBackend))
  const failed = started.filter((result) => result.status === 'rejected')
  for (const { reason } of failed) console.error((reason as Error).message)
  if (failed.length > 0) return end(1)

  const lb = startLb()
  const { listeners, lines, targets } = readTour()
  const up = await reachable(targets, 60_000, () => lb.exitCode !== null || lb.signalCode !== null)
  if (!up || targets.length === 0) return
  console.log(
    ['', 'Backends', ...started.flatMap((r) => (r.status === 'fulfilled' ? [r.value] : []))].join('\n')
  )
  console.log(['', 'lb', ...listeners, '', 'Try', ...lines, ''].join('\n'))
  console.log('Kill a backend by its pid and see it leave the pool. Ctrl-C ends all.\n')
}

await main()
