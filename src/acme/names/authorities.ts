import { readFileSync } from 'node:fs'
import type { AcmeAuthority, AcmeConfig } from '../../config/model/acme-model.ts'
import type { Clock } from '../../core/clock.ts'
import { Account } from '../client/account.ts'
import { AcmeClient } from '../client/acme-client.ts'
import { acmeHttp } from '../client/http.ts'
import type { AcmeStorage } from '../storage/acme-storage.ts'

/** One account per authority, across reloads: nonces, waits and connections belong to the authority, not to a name. */
export class Authorities {
  readonly #clock: Clock
  readonly #accounts = new Map<string, Account>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Throws when a file cannot be read. */
  accounts(config: AcmeConfig, storage: AcmeStorage): Account[] {
    return config.authorities.map((authority) => this.#account(authority, config, storage))
  }

  close(): void {
    for (const { client } of this.#accounts.values()) client.close()
    this.#accounts.clear()
  }

  #account(authority: AcmeAuthority, { email, storage: folder }: AcmeConfig, storage: AcmeStorage): Account {
    const ca = authority.ca === undefined ? undefined : readFileSync(authority.ca, 'utf8')
    const key = JSON.stringify([authority, ca, email, folder])
    let account = this.#accounts.get(key)
    if (account === undefined) {
      const client = new AcmeClient(authority.url, acmeHttp(ca), this.#clock)
      this.#accounts.set(key, (account = new Account(client, authority, storage, email)))
    }
    return account
  }
}
