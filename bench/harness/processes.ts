import { spawn, type ChildProcess } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { closeSync, openSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { processTree } from './usage.ts'

export interface Spec {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** What it writes to stdout goes to this file, as it would in service: an access log. */
  readonly stdoutFile?: string
  /** A CPU list for taskset; undefined: wherever the scheduler likes. */
  readonly cpus?: string
}

export interface Running {
  readonly name: string
  readonly pid: number
  readonly alive: boolean
  /** The last few kilobytes of what it wrote. */
  readonly tail: string
  /** The first line of output that starts with `prefix`, without it. Rejects when the process or the deadline ends. */
  line(prefix: string, deadlineMs: number): Promise<string>
  /** SIGTERM to the process, then SIGKILL to whatever of its tree is left after two seconds. */
  stop(): Promise<void>
  kill(): void
}

const tailBytes = 8192

/** Every process that a run starts. None outlives the run: not a signal, not a thrown error lets one slip. */
export class Processes {
  readonly #running = new Set<Child>()
  /** For `nice`; undefined: as everybody. */
  readonly #priority: number | undefined

  constructor(priority?: number) {
    this.#priority = priority
    process.once('exit', () => this.killAll())
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => {
        this.killAll()
        process.exit(130)
      })
    }
  }

  start(spec: Spec): Running {
    const child = new Child(spec, this.#priority)
    this.#running.add(child)
    void child.ended.then(() => this.#running.delete(child))
    return child
  }

  /** Runs to its end and returns what it wrote to stdout. Throws when it fails or takes longer than the deadline. */
  async run(spec: Spec, deadlineMs: number): Promise<string> {
    const child = new Child(spec, this.#priority)
    this.#running.add(child)
    const timer = setTimeout(() => child.kill(), deadlineMs)
    const code = await child.ended
    clearTimeout(timer)
    this.#running.delete(child)
    if (code !== 0)
      throw new Error(`${spec.name} ended with ${code ?? 'a signal'}: ${child.tail.trim() || 'no output'}`)
    return child.stdout
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#running].map((child) => child.stop()))
  }

  killAll(): void {
    for (const child of this.#running) child.kill()
  }
}

class Child implements Running {
  readonly name: string
  readonly ended: Promise<number | null>
  stdout = ''
  tail = ''
  readonly #process: ChildProcess

  constructor({ name, command, args, env, stdoutFile, cpus }: Spec, priority: number | undefined) {
    this.name = name
    // Both replace themselves by what they start, so the pid is that of the command.
    const pinned = cpus === undefined ? [] : ['taskset', '-c', cpus]
    const favoured = priority === undefined ? [] : ['nice', '-n', String(priority)]
    const [first, ...rest] = [...favoured, ...pinned, command, ...args]
    const file = stdoutFile === undefined ? undefined : openSync(stdoutFile, 'a')
    this.#process = spawn(first!, rest, {
      stdio: ['ignore', file ?? 'pipe', 'pipe'],
      env: { ...process.env, ...env }
    })
    if (file !== undefined) closeSync(file)
    this.ended = new Promise((resolve) => {
      this.#process.once('error', (error) => {
        this.tail += error.message
        resolve(-1)
      })
      this.#process.once('close', (code) => resolve(code))
    })
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      // Load generators answer in a few kilobytes; a talkative server must not fill our memory.
      if (this.stdout.length < 1 << 20) this.stdout += text
      this.tail = (this.tail + text).slice(-tailBytes)
    })
    this.#process.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.tail = (this.tail + text).slice(-tailBytes)
    })
  }

  get pid(): number {
    return this.#process.pid ?? -1
  }

  get alive(): boolean {
    return (
      this.#process.pid !== undefined && this.#process.exitCode === null && this.#process.signalCode === null
    )
  }

  async line(prefix: string, deadlineMs: number): Promise<string> {
    const end = performance.now() + deadlineMs
    for (;;) {
      const found = this.stdout
        .split('\n')
        .slice(0, -1)
        .find((line) => line.startsWith(prefix))
      if (found !== undefined) return found.slice(prefix.length)
      if (!this.alive) throw new Error(`${this.name} ended: ${this.tail.trim()}`)
      if (performance.now() > end) throw new Error(`${this.name} said nothing within ${deadlineMs} ms`)
      await wait(50)
    }
  }

  async stop(): Promise<void> {
    if (!this.alive) return
    const tree = processTree(this.pid)
    this.#process.kill('SIGTERM')
    await Promise.race([this.ended, wait(2000, undefined, { ref: false })])
    for (const { pid } of tree) if (pid !== this.pid || this.alive) killQuietly(pid)
  }

  kill(): void {
    if (!this.alive) return
    const tree = processTree(this.pid)
    if (tree.length === 0) killQuietly(this.pid)
    for (const { pid } of tree) killQuietly(pid)
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

/**
 * Waits until the process accepts connections, or answers a datagram. Throws with what it wrote when it ends, or does not
 * within 60 s.
 */
export async function listening(running: Running, port: number, datagrams = false): Promise<void> {
  const end = performance.now() + 60_000
  while (!(await (datagrams ? answers(port) : accepts(port)))) {
    if (!running.alive) throw new Error(`${running.name} ended: ${running.tail.trim() || 'no output'}`)
    if (performance.now() > end)
      throw new Error(`${running.name} does not listen on ${port}: ${running.tail.trim()}`)
    await wait(50)
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4')
    const end = (answered: boolean): void => {
      clearTimeout(timer)
      socket.close()
      resolve(answered)
    }
    const timer = setTimeout(() => end(false), 500)
    socket.once('message', () => end(true))
    socket.once('error', () => end(false))
    socket.connect(port, '127.0.0.1', () => socket.send('anybody?'))
  })
}
