import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import type { Test } from 'tap'
import type { WorkerState } from '../../src/runtime/workers/planes.ts'

const program = resolve(import.meta.dirname, 'told-lb-main.ts')

export type Told =
  | { readonly type: 'crash'; readonly thread: number }
  | { readonly type: 'apply'; readonly yaml: object }
  | { readonly type: 'stop' }
  | { readonly type: 'reopen' }
  | { readonly type: 'state' }

export interface ToldState {
  readonly uid: number
  readonly addresses: readonly { readonly listener: string; readonly port?: number }[]
  readonly workers: readonly WorkerState[]
  /** Of the last `apply`. */
  readonly errors: readonly string[] | undefined
  readonly log: readonly string[]
}

/** `lb` in a process of its own, which may drop its rights, and does what it is told: also to crash a worker. */
export class ToldLb {
  readonly #child: ChildProcess
  readonly #ended: Promise<never>

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#ended = once(child, 'exit').then(([code]) => {
      throw new Error(`ended with ${String(code)}`)
    })
    this.#ended.catch(() => {})
  }

  static async start(t: Test, yaml: object, env: NodeJS.ProcessEnv = {}): Promise<ToldLb> {
    const child = fork(program, [JSON.stringify(yaml)], {
      env: { ...process.env, NODE_OPTIONS: '', ...env },
      execArgv: []
    })
    t.teardown(() => child.kill('SIGKILL'))
    const lb = new ToldLb(child)
    await lb.#answer()
    return lb
  }

  /** The state after it has been done. */
  async tell(told: Told): Promise<ToldState> {
    this.#child.send(told)
    return this.#answer()
  }

  async #answer(): Promise<ToldState> {
    const answer = new Promise<ToldState>((resolve) => this.#child.once('message', resolve))
    return Promise.race([answer, this.#ended])
  }
}
