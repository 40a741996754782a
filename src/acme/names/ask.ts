import { request } from 'undici'

const TIMEOUT_MS = 5_000

/** Whether the user's server allows this name. Rejects when it does not answer in time. */
export async function ask(url: string, name: string): Promise<boolean> {
  const asked = new URL(url)
  asked.searchParams.set('domain', name)
  const { statusCode, body } = await request(asked, { signal: AbortSignal.timeout(TIMEOUT_MS) })
  await body.dump({ limit: 65_536 })
  if (statusCode >= 500) throw new Error(`it answered ${statusCode}`)
  return statusCode >= 200 && statusCode < 300
}
