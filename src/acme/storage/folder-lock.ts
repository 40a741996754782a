import { randomBytes } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import type { Lock } from './acme-storage.ts'

/** The holder of a lock, from its file. */
interface Holder {
  readonly token: string
  readonly pid: number
  /** Start of the process, in ticks since boot: its number may belong to another one by now. */
  readonly began: string
  /** Machine, boot and namespace in which the number is valid. */
  readonly world: string
}

const BEAT_MS = 10_000
/** A holder elsewhere without a sign of life for this long is dead. */
const DEAD_AFTER_MS = 60_000

/** A file that one process holds. It is linked into place, so that it never exists without its content. */
export class FolderLock implements Lock {
  readonly #path: string
  readonly #token: string
  readonly #beat: NodeJS.Timeout

  private constructor(path: string, token: string) {
    this.#path = path
    this.#token = token
    this.#beat = setInterval(() => void this.#touch(), BEAT_MS)
    this.#beat.unref()
  }

  /** Undefined: another process has it. */
  static async take(path: string, mode: number): Promise<FolderLock | undefined> {
    const own: Holder = { ...self(), token: randomBytes(12).toString('hex') }
    const beside = `${path}.${own.token}.tmp`
    await writeFile(beside, JSON.stringify(own), { mode })
    try {
      if (await linked(beside, path)) return new FolderLock(path, own.token)
      if (!(await isDead(path, beside))) return undefined
      return (await linked(beside, path)) ? new FolderLock(path, own.token) : undefined
    } finally {
      await rm(beside, { force: true })
    }
  }

  /** A file of a lock, or one that was to become a lock, whose process has died on this machine. */
  static async isOfDead(path: string): Promise<boolean> {
    const holder = await holderOf(path)
    return holder !== undefined && isAlive(holder) === false
  }

  async isOurs(): Promise<boolean> {
    return (await holderOf(this.#path))?.token === this.#token
  }

  async release(): Promise<void> {
    clearInterval(this.#beat)
    if (await this.isOurs()) await rm(this.#path, { force: true })
  }

  async #touch(): Promise<void> {
    const now = new Date()
    if (await this.isOurs().catch(() => false)) await utimes(this.#path, now, now).catch(() => {})
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/**
 * Whether the lock belonged to a dead process; it is removed then. `beside` was written just now, by the same clock.
 */
async function isDead(path: string, beside: string): Promise<boolean> {
  const holder = await holderOf(path)
  if (holder !== undefined && isAlive(holder) === true) return false
  if (holder === undefined || isAlive(holder) === undefined) {
    const [then, now] = await Promise.all([stat(path).catch(() => undefined), stat(beside)])
    if (then !== undefined && Math.abs(now.mtimeMs - then.mtimeMs) < DEAD_AFTER_MS) return false
  }
  const aside = `${beside}.dead`
  try {
    await rename(path, aside)
  } catch (error) {
    // Its holder has released it, or another process was faster.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true
    throw error
  }
  const taken = await holderOf(aside)
  const right = taken?.token === holder?.token
  // Another process had taken it since the check: that one keeps it.
  if (!right) await linked(aside, path)
  await rm(aside, { force: true })
  return right
}

async function holderOf(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Holder
  } catch {
    return undefined
  }
}

/** Undefined: it is in another namespace, where only its heartbeat counts. */
function isAlive({ pid, began, world }: Holder): boolean | undefined {
  if (world !== self().world) return undefined
  const now = beginOf(pid)
  if (now !== undefined) return now === began
  if (began !== '') return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

let known: Omit<Holder, 'token'> | undefined

function self(): Omit<Holder, 'token'> {
  if (known === undefined) {
    const world = [hostname(), read('/proc/sys/kernel/random/boot_id'), namespace()].join(' ')
    known = { pid: process.pid, began: beginOf(process.pid) ?? '', world }
  }
  return known
}

/** Undefined without /proc. */
function beginOf(pid: number): string | undefined {
  // The name in parentheses may contain anything.
  const text = read(`/proc/${pid}/stat`)
  return text === '' ? undefined : text.slice(text.lastIndexOf(')') + 2).split(' ')[19]
}

function namespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch {
    return ''
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return ''
  }
}
