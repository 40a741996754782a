import { createHash } from 'node:crypto'
import { chmod, readdir, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeFolder } from '../../core/files/make-folder.ts'
import { replaceFile } from '../../core/files/replace-file.ts'
import { StorageError, type AcmeStorage, type Lock } from './acme-storage.ts'
import { FolderLock } from './folder-lock.ts'
import { LeftOvers } from './left-overs.ts'
import type { AccountRecord, NameRecord } from './records.ts'

const FOLDER_MODE = 0o700
const FILE_MODE = 0o600
const MAX_FILE = 1_048_576
const MAX_FILES = 10_000

/**
 * A folder that only its owner can read: `accounts/` and `names/`, a JSON file for each, replaced as a whole: after a
 * kill at any moment there is the old file or the new one.
 */
export class FolderStorage implements AcmeStorage {
  readonly #folder: string
  readonly #held = new Map<string, FolderLock>()
  readonly #leftOvers: LeftOvers

  constructor(folder: string) {
    this.#folder = folder
    const parts = ['accounts', 'names', 'locks'].map((part) => join(folder, part))
    this.#leftOvers = new LeftOvers(parts, (path) => FolderLock.isOfDead(path))
  }

  account(authority: string): Promise<AccountRecord | undefined> {
    return this.#read<AccountRecord>(this.#accountPath(authority))
  }

  writeAccount(record: AccountRecord): Promise<void> {
    return this.#write(this.#accountPath(record.authority), record)
  }

  name(name: string): Promise<NameRecord | undefined> {
    return this.#read<NameRecord>(this.#namePath(name))
  }

  async writeName(record: NameRecord): Promise<void> {
    const lock = this.#held.get(record.name)
    if (lock !== undefined && !(await lock.isOurs()))
      throw new StorageError(`another process has taken the lock of ${record.name}`)
    await this.#write(this.#namePath(record.name), record)
  }

  async onDemand(): Promise<readonly NameRecord[]> {
    const folder = join(this.#folder, 'names')
    const files = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw error
    })
    const found: NameRecord[] = []
    for (const file of files.filter((file) => file.endsWith('.json')).slice(0, MAX_FILES)) {
      // A damaged one does not affect others: it is reported when it is needed.
      const record = await this.#read<NameRecord>(join(folder, file)).catch(() => undefined)
      if (record?.onDemand !== undefined) found.push(record)
    }
    return found
  }

  async forget(name: string): Promise<void> {
    await rm(this.#namePath(name), { force: true })
  }

  /** A file in `locks/`. */
  async lock(what: string): Promise<Lock | undefined> {
    if (this.#held.has(what)) return undefined
    const folder = join(this.#folder, 'locks')
    await makeFolder(folder, FOLDER_MODE)
    const name = what.includes('/') ? `account-${digest(what)}` : fileName(what)
    const lock = await FolderLock.take(join(folder, name), FILE_MODE)
    if (lock === undefined) return undefined
    this.#held.set(what, lock)
    await this.#leftOvers.clear(what.includes('/') ? this.#accountPath(what) : this.#namePath(what))
    return {
      release: async () => {
        this.#held.delete(what)
        await lock.release()
      }
    }
  }

  #accountPath(authority: string): string {
    const { host } = new URL(authority)
    return join(this.#folder, 'accounts', `${fileName(host)}-${digest(authority)}.json`)
  }

  #namePath(name: string): string {
    return join(this.#folder, 'names', `${fileName(name)}.json`)
  }

  async #read<T>(path: string): Promise<T | undefined> {
    let text: string
    try {
      text = await readFile(path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
    try {
      if (text.length > MAX_FILE) throw new Error('it is too large')
      return JSON.parse(text) as T
    } catch (error) {
      throw new Error(`${path} is damaged: ${(error as Error).message}; move it away to begin anew`, {
        cause: error
      })
    }
  }

  async #write(path: string, value: object): Promise<void> {
    try {
      await makeFolder(dirname(path), FOLDER_MODE)
      // The umask may be permissive, or the folder may have existed.
      await chmod(this.#folder, FOLDER_MODE)
      await replaceFile(path, `${JSON.stringify(value, undefined, 2)}\n`, { mode: FILE_MODE })
    } catch (error) {
      throw new StorageError(`${path} cannot be written: ${(error as Error).message}`, { cause: error })
    }
  }
}

/** `*.example.com` and IPv6 addresses as file names; two names never share one. */
function fileName(name: string): string {
  return name.replace(/^\*/, '_').replaceAll(':', '_c')
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}
