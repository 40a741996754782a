import { spawn, spawnSync } from 'node:child_process'
import { connect } from 'node:net'
import { join } from 'node:path'
import { pause } from '../plan.ts'

export const hasRedis = spawnSync('redis-server', ['--version']).status === 0

export interface WorldRedis {
  readonly url: string
  close(): void
}

/** A Redis of its own that keeps nothing; `url` is by a socket in `folder`. */
export async function startRedis(folder: string): Promise<WorldRedis> {
  const path = join(folder, 'redis')
  const child = spawn('redis-server', ['--port', '0', '--unixsocket', path, '--save', '', '--appendonly', 'no', '--dir', folder], { stdio: 'ignore' }) // prettier-ignore
  const close = (): void => void child.kill('SIGKILL')
  // Also where the world does not come to its end.
  process.once('exit', close)
  for (let tries = 0; tries < 3_000 && child.exitCode === null; tries++) {
    if ((await redisSays(path, 'PING')).startsWith('+PONG')) break
    await pause(10)
  }
  return {
    url: `unix:${path}`,
    close() {
      process.off('exit', close)
      close()
    }
  }
}

/** Its answer to one command; empty: none. `at` is the path of its socket, or the URL made of that. */
export function redisSays(at: string, command: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect(at.replace(/^unix:/, ''))
    socket.on('error', () => {})
    socket.once('connect', () => socket.write(`${command}\r\n`))
    socket.on('data', (bytes: Buffer) => {
      answer += bytes.toString('latin1')
      if (answer.endsWith('\r\n')) socket.destroy()
    })
    socket.once('close', () => resolve(answer))
  })
}
