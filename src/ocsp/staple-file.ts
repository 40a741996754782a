import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { chown, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeFolder } from '../core/files/make-folder.ts'
import { replaceFile } from '../core/files/replace-file.ts'
import type { Logger } from '../core/log/log.ts'
import type { StapleStore } from './staple-store.ts'

const FOLDER_MODE = 0o700
const FILE_MODE = 0o600

/** Stores a response in a file. */
export class StapleFile implements StapleStore {
  readonly shared = false
  readonly #path: string
  readonly #log: Logger
  /** Writes are done one after the other. */
  #last: Promise<void> = Promise.resolve()

  /** `request`: the request to its responder. */
  constructor(folder: string, request: Buffer, log: Logger) {
    const name = createHash('sha256').update(request).digest('hex').slice(0, 40)
    this.#path = join(folder, `${name}.ocsp`)
    this.#log = log
  }

  read(): Buffer | undefined {
    try {
      return readFileSync(this.#path)
    } catch {
      return undefined
    }
  }

  write(bytes: Buffer): void {
    this.#then(async () => {
      const folder = dirname(this.#path)
      await makeFolder(folder, FOLDER_MODE)
      // At the start the process may still be root; later writes come from its user, who owns the folder above.
      const owner = process.getuid?.() === 0 ? await stat(dirname(folder)) : undefined
      if (owner !== undefined) await chown(folder, owner.uid, owner.gid)
      await replaceFile(this.#path, bytes, { mode: FILE_MODE, ...(owner !== undefined && { owner }) })
    })
  }

  remove(): void {
    this.#then(() => rm(this.#path, { force: true }))
  }

  #then(change: () => Promise<void>): void {
    this.#last = this.#last.then(change).catch((error: unknown) => {
      this.#log.warn({ err: error, file: this.#path }, `OCSP response cannot be kept in ${this.#path}`)
    })
  }
}
