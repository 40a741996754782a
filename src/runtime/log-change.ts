import type { ChangeEvent } from '../balancer/states.ts'
import type { Logger } from '../core/log.ts'

/** One line per change of a backend's state, whoever made it. */
export function logChange(log: Logger, event: ChangeEvent): void {
  const { pool, backend, axis, from, to, reason } = event
  const fields = { pool, backend, axis, from, to, reason }
  const message = `backend ${pool}/${backend}: ${sentence(event)}`
  if (isTrial(event)) log.debug(fields, message)
  else if (isBad(event)) log.warn(fields, message)
  else log.info(fields, message)
}

function sentence({ axis, from, to, reason }: ChangeEvent): string {
  const why = reason === '' ? '' : ` (${reason})`
  switch (axis) {
    case 'probe':
      return `${to}${why}`
    case 'breaker':
      return `breaker ${to}${why}`
    case 'ejection':
      return `${to}${why}`
    case 'admin':
      return `set to ${to}${why}`
    case 'weight':
      return `weight ${from} -> ${to}${why}`
  }
}

/** A breaker that tries in vain every few seconds is no news; that it opened, and that it closed, is. */
function isTrial({ axis, from, to }: ChangeEvent): boolean {
  return axis === 'breaker' && to !== 'closed' && from !== 'closed'
}

function isBad({ axis, to }: ChangeEvent): boolean {
  return (
    (axis === 'probe' && to === 'down') ||
    (axis === 'breaker' && to === 'open') ||
    (axis === 'ejection' && to === 'ejected')
  )
}
