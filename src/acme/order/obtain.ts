import { generateKeyPairSync } from 'node:crypto'
import { isIP } from 'node:net'
import { own } from '../../core/own.ts'
import { checkCertificate } from '../../net/tls/certificates/check-certificate.ts'
import { AcmeError, detailOf } from '../client/acme-error.ts'
import type { Identifier, OrderResource } from '../client/resources.ts'
import type { OrderRecord, OrderStep, StoredCertificate } from '../storage/records.ts'
import { authorise } from './authorise.ts'
import { certificateRequest } from './csr.ts'
import { poll } from './poll.ts'
import type { OrderDeps, StepDeps } from './obtain-deps.ts'

/**
 * From a name to its certificate: with a new order, or with one that an earlier process has left, from the step it has
 * reached. Rejects with an AcmeError; an order that can still succeed is kept for the next try.
 */
export async function obtain(deps: OrderDeps, before: OrderRecord | undefined): Promise<StoredCertificate> {
  let order = before?.authority === deps.account.authority.url ? before : undefined
  const rest = order?.rest
  if (rest !== undefined) deps.account.client.keepRest(rest.url, rest.at)
  if (order !== undefined && !(await isStillThere(deps, order))) order = undefined
  order ??= await begin(deps)
  order = await withUrl(deps, order, order === before)
  try {
    return await finish(deps, order)
  } catch (error) {
    if (error instanceof AcmeError && isFinal(error)) await deps.save(undefined)
    throw error
  }
}

/** The order itself has failed, not the connection to the authority or its rate limit. */
function isFinal({ type, status }: AcmeError): boolean {
  return !['unreachable', 'timeout', 'rateLimited', 'badNonce'].includes(type) && status < 500
}

async function isStillThere({ account }: OrderDeps, { url }: OrderRecord): Promise<boolean> {
  if (url === undefined) return true
  try {
    const { status } = (await account.post(url)).body as OrderResource
    return status !== 'invalid'
  } catch (error) {
    // Expired, or of another account.
    if (error instanceof AcmeError && [401, 403, 404, 410].includes(error.status)) return false
    throw error
  }
}

async function begin({ account, clock, save }: OrderDeps): Promise<OrderRecord> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  const order = { authority: account.authority.url, since: clock.wall(), key, step: 'new' as const }
  await save(order)
  return order
}

async function withUrl(deps: OrderDeps, order: OrderRecord, resumed: boolean): Promise<OrderRecord> {
  if (order.url !== undefined) return order
  const { account, name } = deps
  const url = (resumed ? await account.pending.find(name) : undefined) ?? (await newOrder(deps))
  const next = { ...order, url, step: 'ordered' as const }
  await deps.save(next)
  return next
}

async function newOrder({ account, name, profile, replaces }: OrderDeps): Promise<string> {
  const { newOrder: at, meta } = await account.client.directory()
  if (profile !== undefined && own(meta?.profiles ?? {}, profile) === undefined) {
    const known = Object.keys(meta?.profiles ?? {}).join(', ')
    throw new AcmeError(
      'invalidProfile',
      `it has no profile ${profile}${known === '' ? '' : ` (it has ${known})`}`
    )
  }
  const order = {
    identifiers: [identifierOf(name)],
    ...(profile !== undefined && { profile }),
    ...(replaces !== undefined && { replaces })
  }
  const answer = await account.post(at, order).catch((error: unknown) => {
    // RFC 9773 §5: it has been replaced already, or the authority does not know it; order without `replaces` then.
    if (replaces === undefined || !(error instanceof AcmeError) || ![400, 404, 409].includes(error.status))
      throw error
    return account.post(at, { ...order, replaces: undefined })
  })
  if (answer.location === undefined) throw new AcmeError('serverInternal', 'it gives no URL for the order')
  return answer.location
}

async function finish(deps: OrderDeps, order: OrderRecord): Promise<StoredCertificate> {
  const { account, clock, name } = deps
  const url = order.url!
  const step = async (step: OrderStep) => {
    const { rest: _, answer, ...now } = order
    order = { ...now, step, ...(step === 'authorising' && answer !== undefined && { answer }) }
    await deps.save(order)
  }
  const steps: StepDeps = {
    ...deps,
    async rest(url, at) {
      order = { ...order, rest: { url, at } }
      await deps.save(order)
    },
    async keep(answer) {
      order = { ...order, answer }
      await deps.save(order)
    }
  }
  let answer = await account.post(url)
  let resource = answer.body as OrderResource
  if (resource.status === 'pending') {
    await step('authorising')
    for (const each of resource.authorizations) await authorise(steps, each)
    await step('authorised')
    // A short while passes between the last authorization and the order.
    resource = await poll<OrderResource>(steps, url, ({ status }) => status === 'pending')
  }
  if (resource.status === 'ready') {
    const csr = await certificateRequest(name, order.key)
    answer = await account.post(resource.finalize, { csr })
    resource = answer.body as OrderResource
    await step('finalised')
  }
  const done = resource.status === 'valid' && resource.certificate !== undefined
  if (!done) resource = await poll<OrderResource>(steps, url, isBeingMade, answer)
  if (resource.status !== 'valid' || resource.certificate === undefined)
    throw new AcmeError(
      'orderInvalid',
      detailOf(resource.error) ?? `the order has become ${resource.status}`,
      { status: 400 }
    )
  const { text: cert } = await account.post(resource.certificate)
  const { problems, facts } = checkCertificate(cert, order.key, clock.wall())
  const unusable = problems.find(({ kind }) => kind === 'unusable')
  if (unusable !== undefined || facts === undefined)
    throw new AcmeError('badCertificate', `what it has issued is not usable: ${unusable?.message}`, {
      status: 400
    })
  return { cert, key: order.key, authority: account.authority.url, challenge: deps.challenge }
}

function identifierOf(name: string): Identifier {
  return { type: isIP(name) === 0 ? 'dns' : 'ip', value: name }
}

function isBeingMade({ status, certificate }: OrderResource): boolean {
  return status === 'processing' || status === 'ready' || (status === 'valid' && certificate === undefined)
}
