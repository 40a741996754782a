import { readFileSync } from 'node:fs'

/** The soft limit, which Node has raised to the hard one by now; Infinity where it cannot be read. */
export const descriptorLimit = softLimit()

/**
 * Kept free of clients: for the admin API, probes, the log, configuration and certificates. As much again is kept for
 * connections to backends, without which a client that was accepted cannot be served.
 */
export const descriptorReserve = Math.max(16, Math.min(256, Math.floor(descriptorLimit / 16)))

/** The kernel gives the lowest number that is free, so a number tells how many are in use: no counting is needed. */
const mostForClients = descriptorLimit - 2 * descriptorReserve
const mostForBackends = descriptorLimit - descriptorReserve

/** `fd` of a connection just accepted. */
export function leavesNoneForBackends(fd: number): boolean {
  return fd >= mostForClients
}

/** `fd` of a connection that is being made. */
export function leavesNoneForUs(fd: number): boolean {
  return fd >= mostForBackends
}

function softLimit(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
    return soft === undefined ? Infinity : Number(soft)
  } catch {
    return Infinity
  }
}
