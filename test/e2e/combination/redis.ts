import { spawn, spawnSync } from 'node:child_process'
import { connect } from 'node:net'
import { join } from 'node:path'
import { pause } from './plan.ts'

export const hasRedis = spawnSync('redis-server', ['--version']).status === 0

/** A Redis of its own that keeps nothing; `url` is by a socket in `folder`. */
export async function startRedis(folder: string): Promise<{ readonly url: string; close(): void }> {
  const path = join(folder, 'redis')
  const child = spawn('redis-server', ['--port', '0', '--unixsocket', path, '--save', '', '--appendonly', 'no', '--dir', folder], { stdio: 'ignore' }) // prettier-ignore
  // Also where the world does not come to its end.
  process.once('exit', () => child.kill('SIGKILL'))
  for (let tries = 0; tries < 3_000 && child.exitCode === null; tries++) {
    if (await answers(path)) break
    await pause(10)
  }
  return { url: `unix:${path}`, close: () => void child.kill('SIGKILL') }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('close', () => socket.destroy())
    socket.once('connect', () => socket.end())
  })
}
