/** An exchange or connection that is ended when a callback that was called for it throws. */
export interface Contained {
  /**
   * Ends it, in whatever state it is: what it holds is given back, and its peers are told as far as they can be. It may
   * be called more than once, and after the end. Returns the listener's name, for the count.
   */
  onInternalError?(error: unknown): string | undefined
}

/** Is told of every exception that was contained; `listener` where it is known. */
export type FaultReport = (error: unknown, listener: string | undefined) => void

/** One per runtime in this thread; the newest is told. */
const reports: FaultReport[] = []

/** Tells `report` of what is contained in this thread from now on. Returns how to undo it. */
export function reportFaults(report: FaultReport): () => void {
  reports.push(report)
  return () => {
    const at = reports.lastIndexOf(report)
    if (at !== -1) reports.splice(at, 1)
  }
}

/**
 * The one way out for an exception in the data path (LB_INTERNAL). Every place where the event loop enters the engines
 * (bytes, deadlines, timers, callbacks of dials and queues, microtasks, messages) catches what is thrown and calls this:
 * `owner` is ended, everybody else goes on. False: nobody could be ended, or the ending threw too.
 */
export function contain(error: unknown, owner?: Contained): boolean {
  let ended = false
  let listener: string | undefined
  try {
    listener = owner?.onInternalError?.(error)
    ended = owner?.onInternalError !== undefined
  } catch (second) {
    tell(second, undefined)
  }
  tell(error, listener)
  return ended
}

/** Calls `run`; what it throws ends `owner`. For where a try block would not fit, and never per byte or request. */
export function guarded(run: () => void, owner?: Contained): void {
  try {
    run()
  } catch (error) {
    contain(error, owner)
  }
}

/** As queueMicrotask. */
export function soon(run: () => void, owner?: Contained): void {
  queueMicrotask(() => guarded(run, owner))
}

/** As setImmediate. */
export function nextTurn(run: () => void, owner?: Contained): void {
  setImmediate(() => guarded(run, owner))
}

function tell(error: unknown, listener: string | undefined): void {
  const report = reports.at(-1)
  // Nobody is told (a test of one part): the error is thrown as it would be without the guard.
  if (report === undefined) return queueMicrotask(() => throws(error))
  try {
    report(error, listener)
  } catch {
    // A log that cannot be written to must not end what the guard has just saved.
  }
}

function throws(error: unknown): never {
  throw error
}
