import { MessageChannel } from 'node:worker_threads'
import { bindsStreams } from '../../net/descriptors/bind-stream.ts'
import { systemClock } from '../../core/clock.ts'
import { contain } from '../../core/containment.ts'
import { reopenLogs } from '../../core/log/line-sink.ts'
import type { BackendFate } from '../plane/listener-engine.ts'
import type { ListenerConnections } from './messages.ts'
import { sumConnections, type Planes, type WorkerState } from './planes.ts'
import { emptySeat, stateOf, type Seat } from './seat.ts'
import { SerialQueue } from '../control/reload/serial-queue.ts'
import type { PlaneSnapshot } from '../plane/plane-snapshot.ts'
import { BEAT_MS, Heartbeats, STUCK_AFTER_MS, Watchdog } from './watch/watchdog.ts'
import { all } from './all.ts'
import { Keepers } from './sockets/keepers.ts'
import { WorkerSockets } from './sockets/worker-sockets.ts'
import { WorkerThread } from './worker-thread.ts'
import type { WorkersDeps } from './workers-deps.ts'

/**
 * The kernel has closed a dead thread's connections, but a busy backend may hear of a new connection before that: when
 * counts were released at once, a backend with room for 10 saw 11. Shorter than the shortest wait for a replacement.
 */
const GIVE_BACK_AFTER_MS = 50

/** How long to wait for the stack of a stuck worker. */
const STACK_WITHIN_MS = 3_000

/** The worker threads: started together, changed together, replaced one by one when they die. */
export class Workers implements Planes {
  readonly #deps: WorkersDeps
  readonly #seats: readonly Seat[]
  readonly #beats: Heartbeats
  readonly #watchdog = new Watchdog()
  readonly #sockets: WorkerSockets
  readonly #keepers = new Keepers((thread) => this.#sockets.left(thread))
  #cancelLook: (() => void) | undefined
  /** Held from prepare to commit or abort, and while a replacement joins: it must not miss a snapshot. */
  readonly #changes = new SerialQueue()
  #release: (() => void) | undefined
  #current: PlaneSnapshot | undefined
  #prepared: PlaneSnapshot | undefined
  /** The workers that have prepared the snapshot. */
  #part: readonly Seat[] = []
  #stopping = false

  constructor(deps: WorkersDeps) {
    this.#deps = deps
    this.#seats = Array.from({ length: deps.count }, (_, index) => emptySeat(index + 1))
    this.#sockets = new WorkerSockets(deps.count)
    this.#beats = Heartbeats.create(deps.count + 1)
    for (const seat of this.#seats) this.#spawn(seat)
    this.#watch()
  }

  get workers(): readonly WorkerState[] {
    return this.#seats.map(stateOf)
  }

  async prepare(snapshot: PlaneSnapshot): Promise<Readonly<Record<string, number>>> {
    this.#release = await this.#changes.enter()
    if (this.#stopping) {
      this.#leave()
      // Binding would open the closed sockets again.
      throw new Error('it is being stopped')
    }
    // A worker that has been restarted but has not joined is left out: it will join with the snapshot that is then in
    // force.
    this.#part = this.#seats.filter(({ worker, joined }) => worker && (joined || this.#current === undefined))
    const workers = this.#part.map((seat) => seat.worker!)
    if (workers.length === 0) {
      this.#leave()
      throw new Error('no worker runs')
    }
    try {
      const ports = { ...snapshot.ports, ...this.#sockets.prepare(snapshot) }
      const give = (worker: WorkerThread) =>
        worker.prepare({ ...snapshot, ports }, this.#sockets.give(worker.thread))
      // One after the other where workers bind themselves: the others need the ports that the kernel has chosen.
      if (!bindsStreams) Object.assign(ports, await give(workers.shift()!))
      this.#prepared = { ...snapshot, ports }
      const taken = await all(workers.map((worker) => this.#unlessLost(worker, give)))
      if (workers.length > 0 && !taken.includes(true)) throw new Error('no worker lived to take it')
      await this.#sockets.listen(snapshot)
      return ports
    } catch (error) {
      this.#prepared = snapshot
      this.abort()
      throw error
    }
  }

  abort(): void {
    const snapshot = this.#prepared
    if (snapshot === undefined) return
    for (const { worker } of this.#seats) worker?.abort(snapshot.id)
    this.#sockets.abort()
    this.#prepared = undefined
    this.#leave()
  }

  async commit(): Promise<readonly ListenerConnections[]> {
    this.#current = this.#prepared
    this.#prepared = undefined
    this.#sockets.commit(this.#current!)
    try {
      const kept = await Promise.all(this.#part.map((seat) => this.#commitSeat(seat)))
      this.#keepers.look(this.#seats, true)
      return sumConnections(kept)
    } finally {
      this.#leave()
    }
  }

  backend(fate: BackendFate, key: string): void {
    for (const worker of this.#live()) worker.backend(fate, key)
  }

  async connections(): Promise<readonly ListenerConnections[]> {
    return sumConnections(await Promise.all(this.#live().map((worker) => worker.connections())))
  }

  async drain(graceMs: number): Promise<number> {
    this.#stop()
    // The workers' duplicates are now the last ones: closing them closes the sockets.
    this.#sockets.close()
    const cut = await Promise.all(this.#live().map((worker) => worker.drain(graceMs).catch(() => 0)))
    await this.kill()
    return cut.reduce((sum, n) => sum + n, 0)
  }

  reopenLogs(): void {
    reopenLogs()
    for (const worker of this.#live()) worker.reopenLog()
  }

  async kill(): Promise<void> {
    this.#cancelLook?.()
    this.#stop()
    this.#sockets.close()
    await Promise.all(this.#live().map((worker) => worker.kill()))
  }

  /** For tests: throws in the worker, or without a message blocks it for ever. */
  crash(thread: number, message?: string): void {
    this.#seats[thread - 1]?.worker?.crash(message)
  }

  /** A worker that dies meanwhile gets the snapshot when it is replaced. False: it died. */
  async #unlessLost(
    worker: WorkerThread,
    give: (worker: WorkerThread) => Promise<unknown>
  ): Promise<boolean> {
    try {
      await give(worker)
      return true
    } catch (error) {
      // Before a snapshot is in force workers are not replaced.
      if (this.#current === undefined || !worker.lost) throw error
      return false
    }
  }

  /** The prepare succeeded: if the commit fails, the worker is replaced by one that starts with the new snapshot. */
  async #commitSeat(seat: Seat): Promise<readonly ListenerConnections[]> {
    const worker = seat.worker
    if (worker === undefined) return []
    try {
      const kept = await worker.commit()
      seat.joined = true
      return kept
    } catch (error) {
      worker.fail(error as Error)
      return []
    }
  }

  /** Runs until the end: a worker may also get stuck while draining. */
  #watch(): void {
    // A worker that is still starting has a deadline of its own.
    const beats = this.#seats
      .filter(({ joined, stuck }) => joined && !stuck)
      .map(({ thread }) => [thread, this.#beats.of(thread)] as const)
    for (const thread of this.#watchdog.look(new Map(beats), systemClock.now())) {
      void this.#replaceStuck(this.#seats[thread - 1]!)
    }
    this.#cancelLook = systemClock.after(BEAT_MS, () => this.#watch())
  }

  async #replaceStuck(seat: Seat): Promise<void> {
    const worker = seat.worker!
    seat.stuck = true
    const stack = await worker.stack(STACK_WITHIN_MS)
    const fields = { worker: seat.thread, ms: STUCK_AFTER_MS, stack }
    this.#deps.log.error(fields, 'worker is stuck: its event loop does not run; it will be replaced')
    worker.fail(new Error(`worker ${seat.thread} was stuck for ${STUCK_AFTER_MS} ms`))
  }

  #live(): WorkerThread[] {
    return this.#seats.flatMap(({ worker }) => worker ?? [])
  }

  #leave(): void {
    this.#release?.()
    this.#release = undefined
  }

  #stop(): void {
    this.#stopping = true
    for (const seat of this.#seats) clearTimeout(seat.timer)
  }

  #spawn(seat: Seat): WorkerThread {
    const source = this.#deps.metricsSource()
    const worker = new WorkerThread(
      {
        ...this.#deps.init,
        beats: this.#beats.buffer,
        thread: seat.thread,
        replaces: this.#current !== undefined
      },
      this.#deps.heapMb,
      {
        onMessage: (message) => {
          if (message.type === 'metrics') source.announce(message.announcement)
          else if (message.type === 'log') this.#deps.log[message.level](message.fields, message.message)
          else if (message.type === 'wanted') this.#deps.onWanted(message.listener, message.name)
          else this.#deps.onChange(message.event)
        },
        onExit: (error) => {
          source.detach()
          this.#exited(seat, error)
        }
      }
    )
    for (const other of this.#seats) {
      if (other.worker === undefined || other === seat) continue
      const { port1, port2 } = new MessageChannel()
      worker.connect(other.thread, port1)
      other.worker.connect(seat.thread, port2)
    }
    seat.worker = worker
    return worker
  }

  #exited(seat: Seat, error: Error | undefined): void {
    seat.worker = undefined
    seat.joined = false
    seat.stuck = false
    const recovered = this.#recover(seat)
    this.#sockets.ended(seat.thread)
    if (this.#stopping) return
    if (this.#current !== undefined) this.#keepers.look(this.#seats)
    const inMs = seat.delay.next(this.#seats.every(({ worker }) => worker === undefined))
    this.#deps.log.error({ worker: seat.thread, err: error, inMs }, 'worker died; it will be replaced')
    // Before the first snapshot is in force nothing is served: start() fails and ends the others.
    if (this.#current === undefined) return
    seat.timer = setTimeout(() => {
      // Another thread, slow just then, held a lock of the cache.
      if (!recovered) this.#recover(seat)
      this.#deps.giveBack(seat.thread)
      seat.timer = setTimeout(() => void this.#replace(seat), inMs - GIVE_BACK_AFTER_MS)
    }, GIVE_BACK_AFTER_MS)
  }

  /** A failure with one cache must not prevent the replacement of a worker. */
  #recover({ thread }: Seat): boolean {
    try {
      this.#deps.recover(thread)
      return true
    } catch (error) {
      contain(error)
      return false
    }
  }

  async #replace(seat: Seat): Promise<void> {
    const leave = await this.#changes.enter()
    if (this.#stopping) return leave()
    seat.restarts++
    this.#deps.onRestart()
    const worker = this.#spawn(seat)
    try {
      await worker.prepare(this.#current!, this.#sockets.give(worker.thread))
      await worker.commit()
      seat.joined = true
      seat.delay.started()
      this.#keepers.look(this.#seats)
      this.#deps.log.info({ worker: seat.thread }, 'worker replaced')
    } catch (error) {
      // Its exit triggers the next try.
      worker.fail(error as Error)
    } finally {
      leave()
    }
  }
}
