import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/** Why tests that need these programs are skipped, or false. */
export function missing(...programs: string[]): string | false {
  const gone = programs.filter((program) => {
    try {
      execFileSync('which', [program], { stdio: 'pipe' })
      return false
    } catch {
      return true
    }
  })
  return gone.length > 0 && `${gone.join(' and ')} not installed`
}

export function directory(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'lb-test-'))
  // Servers that give up root must be able to look in.
  chmodSync(path, 0o755)
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

export interface ProgramOptions {
  /** The user to run as. */
  readonly user?: { readonly uid: number; readonly gid: number }
  /** Left out: SIGTERM. */
  readonly stop?: NodeJS.Signals
}

/** Starts a server and waits until its port answers; it ends with the test. */
export async function program(
  t: Test,
  port: number,
  [command, ...args]: readonly [string, ...string[]],
  { user, stop = 'SIGTERM' }: ProgramOptions = {}
): Promise<ChildProcess> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...user })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
  const exited = once(child, 'exit')
  t.teardown(async () => {
    child.kill(stop)
    const killed = setTimeout(() => child.kill('SIGKILL'), 3_000)
    await exited
    clearTimeout(killed)
  })
  for (const until = Date.now() + 20_000; ;) {
    if (child.exitCode === null && (await answers(port))) return child
    if (child.exitCode !== null || Date.now() > until) throw new Error(`${command} did not start: ${output}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
