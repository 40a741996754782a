import type { CacheStore, Claim, RecordHead, RecordWriter, StoredRecord } from '../ports.ts'

/** The fields of a head before and after a form's own were put in: they change once a second. */
export interface FormFields {
  before: string
  after: string
}

interface Form {
  readonly name: string
  readonly key: string
  readonly fields: FormFields
}

/** Of one stored response on one thread: more would be asked for by nobody. */
const MAX_FORMS = 16

/**
 * Other forms of one stored body, its content encoded: they lie in the same store, within its bytes, under keys that begin
 * with the key of the response, so that what purges it purges them. A form is of one body: once another is stored in its
 * place, the form is not found, and the next one replaces it.
 */
export class StoredForms {
  readonly store: CacheStore
  readonly key: string
  readonly bodyId: string
  readonly #info: string
  readonly #tags: readonly string[]
  /** The store's epoch when the response was last looked up. Written by the lookup. */
  epoch = 0
  /** Whether the body has been looked at as a dictionary, and is kept as one. Written by the compress stage only. */
  asked = false
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

  /** The form `name`, complete: to be released. */
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

  /** Where the form is to be written; undefined where somebody else is at it, or there is no room. */
  begin(name: string, bytes: number | undefined): RecordWriter | undefined {
    return this.#claim(this.#form(name).key)?.begin(this.#head(bytes))
  }

  put(name: string, bytes: Buffer): boolean {
    const writer = this.begin(name, bytes.length)
    return writer?.write(bytes) === true && writer.finish()
  }

  /** What was kept beside the responses of this URL, whichever of them is stored now: to be released. */
  kept(name: string): StoredRecord | undefined {
    const record = this.store.peek(keptKey(this.key, name))
    if (record === undefined || record.state === 'complete') return record
    record.release()
    return undefined
  }

  /** Keeps `bytes` until they are evicted or purged. */
  keep(name: string, bytes: Buffer): boolean {
    const before = this.kept(name)
    before?.release()
    if (before !== undefined) return true
    const writer = this.#claim(keptKey(this.key, name))?.begin(this.#head(bytes.length))
    return writer?.write(bytes) === true && writer.finish()
  }

  #head(bytes: number | undefined): RecordHead {
    // What invalidates the response takes nothing from its forms: with another body they are not found.
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
