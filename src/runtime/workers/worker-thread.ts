import { Worker, type MessagePort } from 'node:worker_threads'
import { splitDelta } from './delta-parts.ts'
import type { BackendFate } from '../plane/listener-engine.ts'
import type { FromWorker, ListenerConnections, ToWorker, WorkerInit } from './messages.ts'
import { DescriptorSender, type SentSockets } from '../../net/descriptors/descriptor-sender.ts'
import { threadLookup } from '../../net/dial/lookup.ts'
import type { SeatSockets } from './sockets/worker-sockets.ts'
import { deltaOf, type PlaneSnapshot } from '../plane/plane-snapshot.ts'
import { stackOf } from './watch/stack-of.ts'
import { StartError } from '../control/start-error.ts'
import { workerFile } from './worker-file.ts'

/** Messages that need no answer. */
export type Notice = Extract<FromWorker, { type: 'metrics' | 'change' | 'log' | 'wanted' }>

export interface WorkerHooks {
  onMessage(message: Notice): void
  /** Called once, last. `error`: why it died; undefined when it was asked to end. */
  onExit(error: Error | undefined): void
}

/** A thread that does not answer within this time is stuck, and is ended like one that crashed. */
const ANSWER_WITHIN_MS = 20_000
/**
 * The first answer of a thread comes once it has loaded all modules, two seconds of processor time: on a busy machine
 * that takes a while.
 */
const FIRST_ANSWER_WITHIN_MS = 60_000
/**
 * Two semi-spaces of 8 MB, and as much again for large objects. V8's own 32 MB would be reached step by step, 100 MB
 * for two workers in the first minutes, and save only 0.2 µs of collections per request.
 */
const YOUNG_MB = 24
/** How long to wait for the stack of a stuck worker. */
const STACK_WITHIN_MS = 3_000
/** A user waits for the result: a busy worker is left out of the sum. */
const CONNECTIONS_WITHIN_MS = 500

type Answer = Extract<FromWorker, { type: 'prepared' | 'failed' | 'committed' | 'connections' | 'drained' }>

/** One worker thread, for the main thread: requests with answers and deadlines over its message port. */
export class WorkerThread {
  readonly thread: number
  readonly row: number
  readonly #worker: Worker
  readonly #hooks: WorkerHooks
  readonly #sender = new DescriptorSender((far) => this.#post({ type: 'inbox', far }))
  readonly #waiting = new Map<string, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>()
  #snapshot: PlaneSnapshot | undefined
  #prepared: PlaneSnapshot | undefined
  #error: Error | undefined
  #ended = false
  #gone = false
  #requests = 0

  constructor(init: WorkerInit, heapMb: number, hooks: WorkerHooks) {
    this.thread = init.thread
    this.row = init.row
    this.#hooks = hooks
    // It inherits what is known of names.
    threadLookup()
    this.#worker = new Worker(workerFile()!, {
      name: `lb-worker-${init.thread}`,
      workerData: init,
      resourceLimits: { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: YOUNG_MB }
    })
    this.#worker.on('message', (message: FromWorker) => this.#receive(message))
    this.#worker.on('error', (error: Error) => (this.#error = error))
    this.#worker.on('exit', (code) => this.#exited(code))
  }

  /** It is dead, or was given up: that it did not answer says nothing about the request. */
  get lost(): boolean {
    return this.#gone || this.#error !== undefined
  }

  async prepare(snapshot: PlaneSnapshot, given: SeatSockets): Promise<Readonly<Record<string, number>>> {
    this.#prepared = snapshot
    const { delta, parts } = splitDelta(deltaOf(this.#snapshot, snapshot), this.#snapshot)
    const withinMs = this.#snapshot === undefined ? FIRST_ANSWER_WITHIN_MS : ANSWER_WITHIN_MS
    let asked: Promise<Answer> | undefined
    await this.#sender.send(given, (sockets) => {
      const message: ToWorker = { type: 'prepare', delta, parts, sockets }
      asked = this.#ask(message, `prepare ${snapshot.id}`, withinMs)
    })
    const answer = await asked!
    if (answer.type === 'failed') throw new StartError(answer.error)
    return answer.type === 'prepared' ? answer.ports : {}
  }

  /** Accepts for the dead `thread`, until `release`. */
  adopt(thread: number, left: SeatSockets): void {
    const announce = (sockets: SentSockets) => this.#post({ type: 'adopt', thread, sockets })
    this.#sender.send(left, announce).catch(() => {
      // This one has died as well; the next one is asked.
    })
  }

  release(thread: number): void {
    this.#sender.send(new Map(), () => this.#post({ type: 'release', thread })).catch(() => {})
  }

  async commit(): Promise<readonly ListenerConnections[]> {
    const { id } = (this.#snapshot = this.#prepared!)
    const answer = await this.#ask({ type: 'commit', id }, `commit ${id}`, ANSWER_WITHIN_MS)
    return answer.type === 'committed' ? answer.listeners : []
  }

  abort(id: number): void {
    // Rejected, not only forgotten: its timer would end the worker because of a missing answer.
    this.#waiting.get(`prepare ${id}`)?.reject(new Error('aborted'))
    this.#waiting.delete(`prepare ${id}`)
    this.#post({ type: 'abort', id })
  }

  backend(fate: BackendFate, key: string): void {
    this.#post({ type: 'backend', fate, key })
  }

  async connections(): Promise<readonly ListenerConnections[]> {
    const id = ++this.#requests
    try {
      const answer = await this.#ask({ type: 'connections', id }, `connections ${id}`, CONNECTIONS_WITHIN_MS)
      return answer.type === 'connections' ? answer.listeners : []
    } catch {
      return []
    }
  }

  /** Resolves with the number of connections closed at the end, when the thread has ended. */
  async drain(graceMs: number): Promise<number> {
    const answer = await this.#ask({ type: 'drain', graceMs }, 'drain', graceMs + ANSWER_WITHIN_MS)
    this.#ended = true
    await this.#worker.terminate()
    return answer.type === 'drained' ? answer.cut : 0
  }

  async kill(): Promise<void> {
    this.#ended = true
    await this.#worker.terminate()
  }

  reopenLog(): void {
    this.#post({ type: 'reopen-log' })
  }

  /** Its current stack, for the log. */
  stack(): Promise<string | undefined> {
    return stackOf(this.#worker.threadId, STACK_WITHIN_MS)
  }

  /** Ends it like a crash, with a reason for the log. */
  fail(error: Error): void {
    this.#error ??= error
    void this.#worker.terminate()
  }

  /** Nobody waits for its answers any more. It is not ended by that. */
  giveUp(error: Error): void {
    this.#error ??= error
    this.#sender.close()
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }

  connect(thread: number, port: MessagePort): void {
    this.#worker.postMessage({ type: 'peer', thread, port } satisfies ToWorker, [port])
  }

  /** For tests; ignored by a worker that was not started as crashable. */
  crash(message: string | undefined): void {
    this.#post({ type: 'crash', message })
  }

  #post(message: ToWorker): void {
    const parts = message.type === 'prepare' ? message.parts : undefined
    this.#worker.postMessage(message, parts === undefined ? [] : [parts])
  }

  #ask(message: ToWorker, key: string, withinMs: number): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(key)
        const error = new Error(
          `worker ${this.thread} did not answer "${message.type}" within ${withinMs} ms`
        )
        if (message.type === 'prepare' || message.type === 'commit') this.fail(error)
        reject(error)
      }, withinMs)
      this.#waiting.set(key, {
        resolve: (answer) => {
          clearTimeout(timer)
          resolve(answer)
        },
        reject: (error) => {
          clearTimeout(timer)
          reject(error)
        }
      })
      this.#post(message)
    })
  }

  #receive(message: FromWorker): void {
    if (isNotice(message)) return this.#hooks.onMessage(message)
    const key = keyOf(message)
    const waiting = this.#waiting.get(key)
    this.#waiting.delete(key)
    waiting?.resolve(message)
  }

  #exited(code: number): void {
    this.#gone = true
    this.#sender.close()
    const error =
      this.#error ?? (this.#ended ? undefined : new Error(`worker ${this.thread} ended with code ${code}`))
    for (const { reject } of this.#waiting.values()) reject(error ?? new Error('worker ended'))
    this.#waiting.clear()
    this.#hooks.onExit(this.#ended ? undefined : error)
  }
}

function isNotice(message: FromWorker): message is Notice {
  return ['metrics', 'change', 'log', 'wanted'].includes(message.type)
}

function keyOf(answer: Answer): string {
  switch (answer.type) {
    case 'prepared':
    case 'failed':
      return `prepare ${answer.id}`
    case 'committed':
      return `commit ${answer.id}`
    case 'connections':
      return `connections ${answer.id}`
    case 'drained':
      return 'drain'
  }
}
