import { bindsStreams } from '../../net/descriptors/bind-stream.ts'
import { systemClock } from '../../core/clock.ts'
import { reopenLogs } from '../../core/log/line-sink.ts'
import type { BackendFate } from '../plane/listener-engine.ts'
import type { ListenerConnections } from './messages.ts'
import { sumConnections, type Planes, type WorkerState } from './planes.ts'
import { workerRows } from '../../shared/spare-rows.ts'
import { emptySeat, linkPeers, stateOf, type Seat } from './seat.ts'
import { SerialQueue } from '../control/reload/serial-queue.ts'
import type { PlaneSnapshot } from '../plane/plane-snapshot.ts'
import { BEAT_MS, Heartbeats, STUCK_AFTER_MS, Watchdog } from './watch/watchdog.ts'
import { GIVE_BACK_AFTER_MS, Rows } from './watch/rows.ts'
import { all } from './all.ts'
import { Keepers } from './sockets/keepers.ts'
import { WorkerSockets } from './sockets/worker-sockets.ts'
import { WorkerThread } from './worker-thread.ts'
import { passOn, type WorkersDeps } from './workers-deps.ts'

/** The worker threads: started together, changed together, replaced one by one when they die. */
export class Workers implements Planes {
  readonly #deps: WorkersDeps
  readonly #seats: readonly Seat[]
  readonly #beats: Heartbeats
  readonly #rows: Rows
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
    this.#beats = Heartbeats.create(workerRows(deps.count) + 1)
    this.#rows = new Rows(deps)
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
      .map(({ row }) => [row, this.#beats.of(row)] as const)
    for (const row of this.#watchdog.look(new Map(beats), systemClock.now()))
      void this.#replaceStuck(this.#seats.find((seat) => seat.row === row)!)
    this.#cancelLook = systemClock.after(BEAT_MS, () => this.#watch())
  }

  async #replaceStuck(seat: Seat): Promise<void> {
    const worker = seat.worker!
    seat.stuck = true
    const error = new Error(`worker ${seat.thread} was stuck for ${STUCK_AFTER_MS} ms`)
    this.#vacate(seat, worker, error)
    const stack = await worker.stack()
    const fields = { worker: seat.thread, ms: STUCK_AFTER_MS, stack }
    this.#deps.log.error(fields, 'worker is stuck: its event loop does not run; it will be replaced')
    worker.fail(error)
  }

  /**
   * A thread in native code cannot be ended, so its seat is given to another at once, on a spare row: what it holds is given
   * back when it is dead.
   */
  #vacate(seat: Seat, worker: WorkerThread, error: Error): void {
    // Where workers bind themselves, the address is free only once it is dead.
    const row = this.#stopping || !bindsStreams ? undefined : this.#rows.instead(seat.row)
    if (row === undefined) return
    seat.row = row
    this.#empty(seat)
    worker.giveUp(error)
    seat.timer = setTimeout(() => void this.#replace(seat), this.#delayOf(seat))
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
        row: seat.row,
        replaces: this.#current !== undefined
      },
      this.#deps.heapMb,
      {
        onMessage: (message) => passOn(this.#deps, source, message),
        onExit: (error) => {
          source.detach()
          this.#exited(seat, worker, error)
        }
      }
    )
    linkPeers(seat, worker, this.#seats)
    return (seat.worker = worker)
  }

  #exited(seat: Seat, { row }: WorkerThread, error: Error | undefined): void {
    const giveBack = this.#rows.died(row)
    if (seat.row !== row) {
      // It was stuck; its seat has long been another's.
      this.#deps.log.info({ worker: seat.thread }, 'the thread of the stuck worker has ended')
      setTimeout(() => {
        giveBack()
        this.#rows.free(row)
      }, GIVE_BACK_AFTER_MS).unref()
      return
    }
    seat.stuck = false
    this.#empty(seat)
    if (this.#stopping) return
    const inMs = this.#delayOf(seat)
    this.#deps.log.error({ worker: seat.thread, err: error, inMs }, 'worker died; it will be replaced')
    // Before the first snapshot is in force nothing is served: start() fails and ends the others.
    if (this.#current === undefined) return
    seat.timer = setTimeout(() => {
      giveBack()
      seat.timer = setTimeout(() => void this.#replace(seat), inMs - GIVE_BACK_AFTER_MS)
    }, GIVE_BACK_AFTER_MS)
  }

  /** Others accept on its sockets until the replacement has joined. */
  #empty(seat: Seat): void {
    seat.worker = undefined
    seat.joined = false
    this.#sockets.ended(seat.thread)
    if (!this.#stopping && this.#current !== undefined) this.#keepers.look(this.#seats)
  }

  #delayOf({ delay }: Seat): number {
    return delay.next(this.#seats.every(({ worker }) => worker === undefined))
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
      seat.stuck = false
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
