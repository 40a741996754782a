import { readFileSync } from 'node:fs'

/** The soft limit, which Node has raised to the hard one; Infinity where it cannot be read. */
export const descriptorLimit = softLimit()

/**
 * Reserved for the admin API, probes, the log, configuration and certificates. The same number again is reserved for
 * connections to backends, without which an accepted client could not be served.
 */
export const descriptorReserve = Math.max(16, Math.min(256, Math.floor(descriptorLimit / 16)))

/** The kernel assigns the lowest free number, so a number tells how many are in use: no counting is needed. */
const mostForClients = descriptorLimit - 2 * descriptorReserve
const mostForBackends = descriptorLimit - descriptorReserve

/** `fd` of an accepted connection, or of the socket of a client's datagrams. */
export function leavesNoneForBackends(fd: number): boolean {
  return fd >= mostForClients
}

/** `fd` of a connection that is being opened; that there are none is reported. */
export function leavesNoneForUs(fd: number): boolean {
  if (fd < mostForBackends) return false
  reportShortage()
  return true
}

/** A connection of this thread to a backend was not opened for want of descriptors, or (`code`) of what the kernel says. */
export function reportShortage(code = 'EMFILE'): void {
  report(code)
}

/** Receives what `reportShortage` of this thread is told: of the data plane that began last. */
export function onShortage(reported: (code: string) => void): void {
  report = reported
}

let report: (code: string) => void = () => {}

function softLimit(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
    return soft === undefined ? Infinity : Number(soft)
  } catch {
    return Infinity
  }
}
