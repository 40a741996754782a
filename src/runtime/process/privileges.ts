import { readFileSync } from 'node:fs'
import { StartError } from '../control/start-error.ts'

export interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/** The parts of `process` that are used, so that a test can replace them. */
export interface PrivilegedProcess {
  getuid?(): number
  initgroups?(user: string, group: number): void
  setgid?(id: number): void
  setuid?(id: number): void
}

/**
 * Refuses an invalid `user:` before anything is bound. Undefined: this process runs as that user already, so there is
 * nothing to drop.
 */
export function checkUser(
  user: string,
  self: PrivilegedProcess = process,
  passwd: string = readPasswd()
): Account | undefined {
  const account = findAccount(user, passwd)
  if (account === undefined) throw refuse(`user ${user} does not exist on this machine`)
  if (self.getuid === undefined) throw refuse('user: is not supported on this system')
  if (self.getuid() === account.uid) return undefined
  if (self.getuid() !== 0) {
    throw refuse(`user: ${user} needs a start as root; start as ${user} instead and leave the key out`)
  }
  return account
}

/**
 * Drops root for good, in all threads: glibc and musl apply setuid(2) and similar calls to every thread of the process.
 * Supplementary groups first, then the group, then the user: after setuid nothing else is allowed.
 */
export function dropPrivileges(account: Account, self: PrivilegedProcess = process): void {
  self.initgroups!(account.name, account.gid)
  self.setgid!(account.gid)
  self.setuid!(account.uid)
  if (account.uid !== 0 && regainsRoot(self)) throw refuse('root could be regained after user:; stopping')
}

function regainsRoot(self: PrivilegedProcess): boolean {
  try {
    self.setuid!(0)
    return self.getuid!() === 0
  } catch {
    return false
  }
}

/** passwd(5): `name:x:uid:gid:...`. Names first, then numbers as in `user: 65534`. */
function findAccount(user: string, passwd: string): Account | undefined {
  const accounts = passwd
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => fields.length >= 4)
    .map(([name, , uid, gid]) => ({ name: name!, uid: Number(uid), gid: Number(gid) }))
  return accounts.find(({ name }) => name === user) ?? accounts.find(({ uid }) => String(uid) === user)
}

function readPasswd(): string {
  try {
    return readFileSync('/etc/passwd', 'utf8')
  } catch {
    return ''
  }
}

function refuse(message: string): StartError {
  return new StartError({ code: 'LB_USER', message, setting: 'user' })
}
