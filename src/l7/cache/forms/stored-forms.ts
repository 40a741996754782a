import type { CacheStore, Claim, RecordHead, RecordWriter, StoredRecord } from '../ports.ts'

/** The fields of a head before and after those of a form were applied: they change once a second. */
export interface FormFields {
  before: string
  after: string
}

interface Form {
  readonly name: string
  readonly key: string
  readonly fields: FormFields
}

/** Forms of one stored response on one thread; clients ask for fewer. */
const MAX_FORMS = 16

/**
 * Encoded forms of one stored body. They are in the same store and count in its bytes; their keys begin with the key of
 * the response, so a purge of the response purges them. A form belongs to one body: once another body is stored, the
 * form is not found any more, and the next one replaces it.
 */
export class StoredForms {
  readonly store: CacheStore
  readonly key: string
  readonly bodyId: string
  readonly #info: string
  readonly #tags: readonly string[]
  /** The store's epoch when the response was last looked up. Written by the lookup. */
  epoch = 0
  /**
   * Whether the compress stage has checked the body as a dictionary and stored it if it is one. Written by that stage
   * only.
   */
  checkedAsDictionary = false
  offered = false
  readonly #forms: Form[] = []

  /** `key` and `tags`: of the response; `bodyId`: of its body. */
  constructor(store: CacheStore, key: string, bodyId: string, tags: readonly string[]) {
    this.store = store
    this.key = key
    this.bodyId = bodyId
    this.#info = `form of ${bodyId}`
    this.#tags = tags
  }

  /** The complete form `name`; release it. */
  lookup(name: string): StoredRecord | undefined {
    const record = this.store.peek(this.#form(name).key)
    if (record === undefined) return undefined
    if (record.state === 'complete' && record.info === this.#info) return record
    record.release()
    return undefined
  }

  fields(name: string): FormFields {
    return this.#form(name).fields
  }

  /** A writer for the form; undefined while another request writes it, or when there is no room. */
  begin(name: string, bytes: number | undefined): RecordWriter | undefined {
    return this.#claim(this.#form(name).key)?.begin(this.#head(bytes))
  }

  put(name: string, bytes: Buffer): boolean {
    const writer = this.begin(name, bytes.length)
    return writer?.write(bytes) === true && writer.finish()
  }

  /** What was stored beside the responses of this URL, whichever of them is stored now; release it. */
  kept(name: string): StoredRecord | undefined {
    const record = this.store.peek(keptKey(this.key, name))
    if (record === undefined || record.state === 'complete') return record
    record.release()
    return undefined
  }

  /** Stores `bytes` until they are evicted or purged. */
  keep(name: string, bytes: Buffer): boolean {
    const before = this.kept(name)
    before?.release()
    if (before !== undefined) return true
    const writer = this.#claim(keptKey(this.key, name))?.begin(this.#head(bytes.length))
    return writer?.write(bytes) === true && writer.finish()
  }

  #head(bytes: number | undefined): RecordHead {
    // Forms need not be invalidated with the response: when its body is replaced they are not found.
    const epoch = this.epoch === this.store.epoch ? this.store.epochOf(this.key) : -1
    return { info: this.#info, bytes, tags: this.#tags, epoch, note: true }
  }

  #claim(key: string): Claim | undefined {
    const claim = this.store.claim(key, true)
    if (claim === undefined || 'begin' in claim) return claim
    claim.release()
    return undefined
  }

  #form(name: string): Form {
    const forms = this.#forms
    for (let i = 0; i < forms.length; i++) if (forms[i]!.name === name) return forms[i]!
    const form = { name, key: `${this.key}\n#e${name}`, fields: { before: '', after: '' } }
    if (forms.length >= MAX_FORMS) forms.shift()
    forms.push(form)
    return form
  }
}

function keptKey(key: string, name: string): string {
  return `${key}\n#k${name}`
}
