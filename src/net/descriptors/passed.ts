import { readFileSync, readlinkSync } from 'node:fs'

/** The first descriptor that systemd passes. */
const FIRST = 3
/** The most from one socket unit; more means that LISTEN_FDS is wrong. */
const MOST = 1024

/**
 * Descriptors of listening sockets that systemd passed to this process under a name (sd_listen_fds_with_names(3)):
 * several when a unit has several ListenStream=. Empty when it passed none with that name.
 */
export function passedDescriptors(name: string, environment: NodeJS.ProcessEnv = process.env): number[] {
  return passedNames(environment).flatMap((each, index) => (each === name ? [FIRST + index] : []))
}

/** The names of all descriptors that were passed, in order. */
export function passedNames(environment: NodeJS.ProcessEnv = process.env): string[] {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES } = environment
  const count = Number(LISTEN_FDS)
  // Variables for a parent process are not for this one.
  if (Number(LISTEN_PID) !== process.pid || !Number.isInteger(count) || count < 1) return []
  const names = (LISTEN_FDNAMES ?? '').split(':')
  return Array.from({ length: Math.min(count, MOST) }, (_, index) => names[index] || 'unknown')
}

/** Linux: looks it up in the table of unix sockets. */
export function isUnixSocket(fd: number): boolean {
  const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1]
  return (
    inode !== undefined && new RegExp(` ${inode}(?: |$)`, 'm').test(readFileSync('/proc/net/unix', 'utf8'))
  )
}

/** The error for a `systemd:name` that was not passed. */
export function notPassed(name: string): Error {
  const names = [...new Set(passedNames())]
  const found = names.length === 0 ? 'it passed none to this process' : `it passed ${names.join(', ')}`
  const message = `systemd passed no socket named "${name}" (${found}); see FileDescriptorName= of the socket unit`
  return Object.assign(new Error(message), { code: 'LB_NOT_PASSED' })
}
