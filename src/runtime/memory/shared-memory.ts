import { giveBack, passOver } from '../../balancer/table/give-back.ts'
import { BackendTable, type TableBuffers } from '../../balancer/table/table.ts'
import { SharedCounts, type CountsBuffers } from '../../shared/shared-counts.ts'
import { Challenges } from '../../net/tls/challenges.ts'
import { TicketKeys } from '../../net/tls/ticket-keys.ts'
import { RedisBoard } from '../../redis/redis-board.ts'
import type { AdmissionTables } from '../../net/admission/gate.ts'

/** Sent to a worker when it starts: the memory itself is shared, not copied. */
export interface SharedBuffers {
  readonly table: TableBuffers
  readonly listeners: CountsBuffers
  readonly clients: CountsBuffers
  readonly ticketKeys: ArrayBufferLike
  readonly redis: ArrayBufferLike
  readonly challenges: ArrayBufferLike
}

/** Listeners with a limit on their connections. */
const LISTENERS = 4096

/** The state that all threads of one `lb` share. Row 0 belongs to the main thread, 1 … to worker threads. */
export class SharedMemory {
  readonly table: BackendTable
  readonly admission: AdmissionTables

  readonly ticketKeys: TicketKeys
  readonly redis: RedisBoard
  readonly challenges: Challenges

  private constructor(
    table: BackendTable,
    listeners: SharedCounts,
    clients: SharedCounts,
    ticketKeys: TicketKeys,
    redis: RedisBoard,
    challenges: Challenges
  ) {
    this.table = table
    this.ticketKeys = ticketKeys
    this.redis = redis
    this.challenges = challenges
    this.admission = { listeners, clients }
  }

  /** `rows`: for worker threads. */
  static create(rows: number): SharedMemory {
    const size = { threads: rows + 1, shared: rows > 0 }
    return new SharedMemory(
      BackendTable.create(size),
      SharedCounts.create({ ...size, entries: LISTENERS }),
      SharedCounts.create(size),
      TicketKeys.create(size.shared),
      RedisBoard.create(size),
      Challenges.create(size.shared)
    )
  }

  static attach(buffers: SharedBuffers, thread: number): SharedMemory {
    return new SharedMemory(
      BackendTable.attach(buffers.table, thread),
      new SharedCounts(buffers.listeners, thread),
      new SharedCounts(buffers.clients, thread),
      new TicketKeys(buffers.ticketKeys),
      new RedisBoard(buffers.redis),
      new Challenges(buffers.challenges)
    )
  }

  get buffers(): SharedBuffers {
    const { listeners, clients } = this.admission
    return {
      table: this.table.buffers,
      listeners: listeners.buffers,
      clients: clients.buffers,
      ticketKeys: this.ticketKeys.memory,
      redis: this.redis.memory,
      challenges: this.challenges.memory
    }
  }

  /** A thread that is being ended, but may live for long, serves no queue: other threads must not wait for it. */
  giveUp(thread: number): void {
    passOver(this.table, thread)
  }

  /** Releases what a dead thread held. Main thread only. */
  giveBack(thread: number): void {
    giveBack(this.table, thread)
    this.admission.listeners.releaseThread(thread)
    this.admission.clients.releaseThread(thread)
    this.redis.leave(thread)
  }
}
