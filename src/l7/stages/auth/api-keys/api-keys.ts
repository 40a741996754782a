import type { Exchange } from '../../../exchange/exchange.ts'
import type { Answer, AuthMethod, Denied } from '../auth-method.ts'
import { onlyCookie, onlyParameter } from '../one-credential.ts'
import { stripCookie, stripQuery } from '../strip-credential.ts'
import type { MethodContext } from '../method-context.ts'
import { WatchedFile } from '../../watched-file.ts'
import type { ApiKeysInput } from './keys.ts'
import { KeyTable, MAX_KEY } from './key-table.ts'
import { keyOwner } from './key-owner.ts'
import { readKeyFile } from './read-key-file.ts'

const UNKNOWN: Denied = { kind: 'denied', reason: 'unknown API key', unknown: true, guess: true }

/** Keys with names, in a field, a parameter of the query, or a cookie. */
export class ApiKeys implements AuthMethod {
  readonly name = 'apiKeys'
  readonly #header: string | undefined
  readonly #prefix: string
  readonly #query: string | undefined
  readonly #cookie: string | undefined
  readonly #table: () => KeyTable
  readonly #realm: string

  constructor(input: ApiKeysInput, context: MethodContext) {
    const { header, query, cookie, keys } = input
    this.#header = (
      header ?? (query === undefined && cookie === undefined ? 'x-api-key' : undefined)
    )?.toLowerCase()
    this.#prefix = input.prefix === undefined ? '' : `${input.prefix.toLowerCase()} `
    this.#query = query
    this.#cookie = cookie
    this.#realm = context.realm
    const roles = new Map(Object.entries(input.roles))
    if (typeof keys === 'string') {
      const make = (text: string): KeyTable => readKeyFile(text, roles)
      const file = new WatchedFile(
        keys.slice('file:'.length),
        'credentials',
        new KeyTable(),
        make,
        context.clock,
        context.log
      ).begin()
      this.#table = () => file.current
    } else {
      const table = new KeyTable()
      for (const [name, list] of Object.entries(keys)) {
        const owner = keyOwner(name, roles.get(name) ?? [])
        for (const key of list) table.add(key, owner)
      }
      this.#table = () => table
    }
  }

  check(exchange: Exchange): Answer | undefined {
    const key = this.#keyOf(exchange)
    if (key === undefined) return undefined
    if (typeof key !== 'string') return key
    if (key === '' || key.length > MAX_KEY) return UNKNOWN
    return this.#table().find(key) ?? UNKNOWN
  }

  #keyOf(exchange: Exchange): string | undefined | Denied {
    const { headers } = exchange.request
    if (this.#header !== undefined) {
      // Two fields give one value with a comma, which no key contains.
      const value = headers.get(this.#header)
      if (value !== undefined) {
        const prefix = this.#prefix
        if (prefix === '') return value
        if (value.slice(0, prefix.length).toLowerCase() === prefix) return value.slice(prefix.length).trim()
      }
    }
    if (this.#query !== undefined) {
      const value = onlyParameter(exchange, this.#query)
      if (value !== undefined) return value
    }
    return this.#cookie === undefined ? undefined : onlyCookie(exchange, this.#cookie)
  }

  challenge(): string {
    const realm = this.#realm
    if (this.#prefix !== '')
      return `${this.#prefix[0]!.toUpperCase()}${this.#prefix.slice(1, -1)} realm="${realm}"`
    const where =
      this.#header !== undefined
        ? `header="${this.#header}"`
        : this.#query !== undefined
          ? `query="${this.#query.replace(/["\\]/g, '')}"`
          : `cookie="${this.#cookie!}"`
    return `ApiKey realm="${realm}", ${where}`
  }

  strip(exchange: Exchange): void {
    if (this.#header !== undefined) exchange.setRequestField(this.#header, undefined)
    if (this.#query !== undefined) stripQuery(exchange, this.#query)
    if (this.#cookie !== undefined) stripCookie(exchange, this.#cookie)
  }
}
