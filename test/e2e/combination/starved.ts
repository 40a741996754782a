const EVERY_MS = 100

/**
 * How much later than due a timer of this thread has fired since, in ms, at most. A machine that runs something else for seconds makes
 * timeouts of lb pass while bytes wait to be read.
 */
export function watchTimer(): () => number {
  let due = performance.now() + EVERY_MS
  let latest = 0
  const look = (): void => {
    const now = performance.now()
    latest = Math.max(latest, now - due)
    due = now + EVERY_MS
  }
  const timer = setInterval(look, EVERY_MS)
  return () => {
    clearInterval(timer)
    look()
    return Math.round(latest)
  }
}
