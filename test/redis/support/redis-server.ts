import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'

const missing = spawnSync('redis-server', ['--version']).error !== undefined
export const skip = missing && 'redis-server is not installed'

/** Looks again until it is true. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  withinMs = 30_000
): Promise<void> {
  const end = Date.now() + withinMs
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`never: ${what}`)
    await sleep(20)
  }
}

/** Debian's server on a unix socket, and on a TCP port where one is given. */
export class RedisServer {
  readonly folder = mkdtempSync(join(tmpdir(), 'lb-redis-'))
  readonly path = join(this.folder, 'redis.sock')
  readonly port: number
  readonly #sentinel: boolean
  #args: readonly string[] = []
  #process: ChildProcess | undefined

  constructor(t: Test, port = 0, sentinel = false) {
    this.port = port
    this.#sentinel = sentinel
    t.teardown(async () => {
      await this.stop()
      rmSync(this.folder, { recursive: true, force: true })
    })
  }

  async start(...args: readonly string[]): Promise<void> {
    this.#args = args
    const all = [
      ...[
        '--port',
        String(this.port),
        '--bind',
        '127.0.0.1',
        '--unixsocket',
        this.path,
        '--dir',
        this.folder
      ],
      ...(this.#sentinel ? [] : ['--save', '']),
      ...args
    ]
    const command = this.#sentinel ? ['sentinel.conf', '--sentinel', ...all] : all
    this.#process = spawn('redis-server', command, { stdio: 'ignore', cwd: this.folder })
    await until('the server answers', () => /PONG|NOAUTH/.test(this.cli('ping')))
  }

  async startAgain(): Promise<void> {
    await this.start(...this.#args)
  }

  /** For a sentinel, whose configuration is a file that it writes itself. */
  configure(text: string): void {
    writeFileSync(join(this.folder, 'sentinel.conf'), text)
  }

  signal(name: NodeJS.Signals): void {
    this.#process?.kill(name)
  }

  async stop(): Promise<void> {
    const ended = this.#process && once(this.#process, 'exit')
    this.#process?.kill('SIGKILL')
    await ended
    this.#process = undefined
    rmSync(this.path, { force: true })
  }

  cli(...args: readonly string[]): string {
    const { stdout, stderr } = spawnSync('redis-cli', ['-s', this.path, ...args], {
      encoding: 'utf8',
      // One that was stopped does not hold the test up.
      timeout: 10_000
    })
    return `${stdout}${stderr}`
  }
}
