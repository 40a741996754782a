import type { AcmeAuthority } from '../../config/model/acme-model.ts'
import { withLock, type AcmeStorage } from '../storage/acme-storage.ts'
import { AccountKey } from './account-key.ts'
import type { AcmeAnswer, AcmeClient } from './acme-client.ts'
import { AcmeError } from './acme-error.ts'
import { PendingOrders } from './pending-orders.ts'

/** lb's account at one authority: created on first use, then permanent. */
export class Account {
  readonly client: AcmeClient
  readonly authority: AcmeAuthority
  readonly pending = new PendingOrders(this)
  readonly #storage: AcmeStorage
  readonly #email: string | undefined
  #open: Promise<{ readonly key: AccountKey; readonly url: string }> | undefined

  constructor(client: AcmeClient, authority: AcmeAuthority, storage: AcmeStorage, email: string | undefined) {
    this.client = client
    this.authority = authority
    this.#storage = storage
    this.#email = email
  }

  /** `payload` undefined: POST-as-GET. */
  async post(url: string, payload?: unknown): Promise<AcmeAnswer> {
    const { key, url: kid } = await this.#opened()
    try {
      return await this.client.post(url, payload, key, kid)
    } catch (error) {
      // The authority has forgotten the account: register the same key again.
      if (!(error instanceof AcmeError) || error.type !== 'accountDoesNotExist') throw error
      this.#open = this.#locked(true)
      this.#open.catch(() => (this.#open = undefined))
      const again = await this.#opened()
      return this.client.post(url, payload, again.key, again.url)
    }
  }

  async keyAuthorization(token: string): Promise<string> {
    const { key } = await this.#opened()
    return `${token}.${key.thumbprint}`
  }

  /** URL of the account, for the list of its orders. */
  async url(): Promise<string> {
    return (await this.#opened()).url
  }

  #opened() {
    if (this.#open === undefined) {
      this.#open = this.#locked(false)
      this.#open.catch(() => (this.#open = undefined))
    }
    return this.#open
  }

  /** Two processes that begin at once create one account. */
  #locked(anew: boolean) {
    return withLock(this.#storage, this.authority.url, () => this.#register(anew))
  }

  async #register(anew: boolean) {
    const authority = this.authority.url
    const known = await this.#storage.account(authority)
    if (known?.url !== undefined && !anew) return { key: new AccountKey(known.key), url: known.url }
    // Stored before the authority knows it: when it is sent again, the authority answers with the same account.
    const pem = known?.key ?? AccountKey.make()
    if (known === undefined) await this.#storage.writeAccount({ authority, key: pem })
    const key = new AccountKey(pem)
    const directory = await this.client.directory()
    const { eab } = this.authority
    if (eab === undefined && directory.meta?.externalAccountRequired === true)
      throw new AcmeError('externalAccountRequired', 'it wants an account of its own to be named: give `eab`')
    const { location } = await this.client.post(
      directory.newAccount,
      {
        termsOfServiceAgreed: true,
        ...(this.#email !== undefined && { contact: [`mailto:${this.#email}`] }),
        ...(eab !== undefined && { externalAccountBinding: await key.bind(eab, directory.newAccount) })
      },
      key,
      undefined
    )
    if (location === undefined) throw new AcmeError('serverInternal', 'it gives no account URL')
    await this.#storage.writeAccount({ authority, key: pem, url: location })
    return { key, url: location }
  }
}
