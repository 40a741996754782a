import { Client } from 'undici'
import { MOST_BYTES, ProbeMismatch, type Probe, type ProbeTarget } from '../probe.ts'
import { probeTlsOptions } from './backend-tls.ts'

/** One request on a connection of its own: a kept one would not notice that the backend stopped accepting. */
export const httpProbe: Probe = async (target, signal) => {
  const { address, config } = target
  const secure = config.type === 'https'
  const options = secure ? await probeTlsOptions(target) : {}
  signal.throwIfAborted()
  const origin = `${secure ? 'https' : 'http'}://${address.kind === 'tcp' ? address.text : 'localhost'}`
  const client = new Client(origin, {
    connect: {
      ...options,
      ...(secure && options.servername === '' ? { servername: undefined } : {}),
      ...(address.kind === 'unix' ? { socketPath: address.path } : {})
    },
    pipelining: 1,
    maxHeaderSize: 16 * 1024
  })
  try {
    const response = await client.request({
      path: config.path,
      method: config.method as 'GET',
      headers: { 'user-agent': 'lb-probe', ...(config.host ? { host: config.host } : {}), ...config.headers },
      signal
    })
    const status = response.statusCode
    // Settles the body when the client is destroyed below; its failure then is of our making.
    response.body.on('error', () => {})
    if (!config.statuses.some(({ from, to }) => status >= from && status <= to)) {
      throw new ProbeMismatch(`status ${status}`)
    }
    if (config.body !== undefined) await expectText(response.body, config)
    return `status ${status}`
  } finally {
    await client.destroy()
  }
}

async function expectText(body: AsyncIterable<Buffer>, config: ProbeTarget['config']): Promise<void> {
  let received = Buffer.alloc(0)
  for await (const chunk of body) {
    received = Buffer.concat([received, chunk])
    if (received.includes(config.body!)) return
    if (received.length > MOST_BYTES) break
  }
  throw new ProbeMismatch(`the body lacks ${JSON.stringify(config.body!.slice(0, 60))}`)
}
