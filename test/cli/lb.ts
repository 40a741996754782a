import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const bin = join(import.meta.dirname, '../../bin/lb.js')

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A process of `lb` with what it has written so far. */
export class Lb {
  readonly child: ChildProcess
  stdout = ''
  stderr = ''
  readonly #ended: Promise<Ended>

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}, cwd?: string) {
    this.child = spawn(process.execPath, [bin, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // tap's loaders stay with the test: lb is to run as it does for a user.
      env: { PATH: process.env['PATH'], LB_LOG: 'json', ...env },
      ...(cwd !== undefined && { cwd })
    })
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.stdout += text))
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    this.#ended = once(this.child, 'close').then(([code]) => ({
      code: code as number | null,
      stdout: this.stdout,
      stderr: this.stderr
    }))
  }

  ended(): Promise<Ended> {
    return this.#ended
  }

  /** Resolves with the match once the log or the errors say so; rejects when it ends before. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr)
      if (match !== null) return match
      if (this.child.exitCode !== null)
        throw new Error(`lb ended without ${pattern}: ${this.stdout}${this.stderr}`)
      await Promise.race([once(this.child.stdout!, 'data'), once(this.child.stderr!, 'data'), this.#ended])
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }
}

export function lb(...args: string[]): Promise<Ended> {
  return new Lb(args).ended()
}
