import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { chown, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Logger } from '../core/log/log.ts'

const FOLDER_MODE = 0o700
const FILE_MODE = 0o600

/** Where the response for one certificate outlives the process. What goes wrong with it costs a question, and no more. */
export class StapleFile {
  readonly #path: string
  readonly #log: Logger
  /** One change after the other. */
  #last: Promise<void> = Promise.resolve()

  /** `request`: what its responder is asked for it. */
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
      const beside = `${this.#path}.${process.pid}.tmp`
      await mkdir(folder, { recursive: true, mode: FOLDER_MODE })
      await writeFile(beside, bytes, { mode: FILE_MODE })
      // At the start it may still be root; later writes are its user's, whose the folder above is.
      if (process.getuid?.() === 0) {
        const { uid, gid } = await stat(dirname(folder))
        for (const path of [folder, beside]) await chown(path, uid, gid)
      }
      await rename(beside, this.#path)
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
