// Layout of the BackendTable's shared memory. A backend's integers fill one cache line (16 × 4 bytes), so that a
// pick touches one line per backend and threads that count on different backends do not share one: with a column
// per field (the plain struct of arrays) neighbours' counters share lines and a look at one backend costs four.

export const INTS = 16
/** AdminState. Written by the operator (main thread). */
export const ADMIN = 0
/** ProbeState. Written by the health checker (main thread). */
export const PROBE = 1
/**
 * BreakerState in the two low bits, above them the epoch, which grows with every move: one compare-and-swap moves both,
 * and a lease that carries an older word says nothing about what holds now. Moved by any thread.
 */
export const BREAKER = 2
/** Failures in a row, of any thread. */
export const STREAK = 3
/** 1 while ejected as an outlier. Written by the outlier detector (main thread). */
export const EJECTED = 4
/** Leases out, over all threads. */
export const ACTIVE = 5
/** Upstream sockets open or being opened, over all threads. */
export const SOCKETS = 6
/** Requests that hold a lease but wait for a socket, over all threads. */
export const STARVED = 7
/** The operator's weight, 0 for the configured one. Written by the operator (main thread). */
export const WEIGHT = 8
/** Index of the pool's row. Written by the slot registry (main thread). */
export const POOL = 9
/** Failed probes in a row, for display. Written by the health checker (main thread). */
export const PROBE_FAILURES = 10
/** As a 32-bit float: EWMA of latency in ms; 0: never measured. Any thread: two samples at once may lose one. */
export const EWMA = 11

// The last four integers are two 64-bit floats, on the same line because each release writes them.
export const HOT_FLOATS = 8
/** Clock.now() of the last sample. */
export const EWMA_AT = 6
/** ln(EWMA) + EWMA_AT / decay: orders backends by decayed latency without asking what time it is; 0: never measured. */
export const LOG_COST = 7

// Times are 64-bit floats. They are written by plain stores: an aligned 8-byte store does not tear on the 64-bit
// machines that Node 22 runs on, each has one writer at a time (named), and a reader that sees a value a few
// nanoseconds old decides as if it had come a few nanoseconds sooner.
export const FLOATS = 16
/** Clock.now() at which an open breaker lets a trial through. Written by whoever opened it, and by the health checker. */
export const OPEN_UNTIL = 0
/** How long the breaker was last opened for, in ms; 0 after a success. Written by whoever opened it. */
export const OPEN_FOR = 1
/** Clock.now() at which the half-open trial began; -Infinity: it is to be replaced. Written by whoever claimed it, and by lapseTrial. */
export const TRIAL_AT = 2
/** Clock.now() at which slow start began; 0: none. */
export const SLOW_SINCE = 3
/** Wall clock, ms. Written by the health checker. */
export const LAST_HEALTHY = 4
/** Wall clock of the last change on each axis. */
export const ADMIN_SINCE = 5
export const PROBE_SINCE = 6
export const BREAKER_SINCE = 7
export const EJECTED_SINCE = 8
export const ADDED_AT = 9
/** Clock.now() until which a draining backend keeps who holds its sticky cookie; 0: nobody. Written by the operator (main thread). */
export const SESSIONS_UNTIL = 10
/** Clock.now() at which that began. Written by the operator (main thread). */
export const SESSIONS_SINCE = 11
/** Clock.now() at which the window under way began, and which half of the bits it has. Any thread: see kept-sessions.ts. */
export const WINDOW_SINCE = 12
export const WINDOW = 13
/** Row of the thread that has the half-open trial. Written by that thread, once it has it. */
export const TRIAL_BY = 14

/** Per backend: bits of the clients that came with its cookie while it drains, in two windows. Any thread, by Atomics. */
export const SESSION_INTS = 64

/** Per thread and backend: what this thread holds of ACTIVE, SOCKETS and STARVED, to be given back if it dies. */
export const HELD = 3
export const HELD_ACTIVE = 0
export const HELD_SOCKETS = 1
export const HELD_STARVED = 2

/** Per thread and backend: totals since the start, 64-bit floats with one writer each. */
export const TOTALS = 2
export const REQUESTS = 0
export const FAILURES = 1

/** Per pool; again one cache line each. */
export const POOL_INTS = 16
/** Grows with whatever changes who may be picked: threads rebuild their view when it moved. */
export const VERSION = 0
/** Turn of the round robins. */
export const TURN = 1
/** Leases out over all backends and threads; kept only by pools that need it, those with a bounded load. */
export const POOL_ACTIVE = 2
/** Waiters in the queue, over all threads. */
export const WAITING = 3
/** Last ticket given to a waiter. */
export const TICKET = 4
/** Grows when loads were changed behind the load tree's back: threads then tell it all they know. */
export const RESETS = 5

/** Per thread and pool: oldest waiter's ticket (0: none), the number of waiters, and its share of POOL_ACTIVE. */
export const QUEUES = 4
export const HEAD = 0
export const LENGTH = 1
export const COUNTED = 2
