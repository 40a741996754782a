import { createSocket } from 'node:dgram'
import { isIP, isIPv6 } from 'node:net'
import { threadLookup } from '../../net/dial/lookup.ts'
import { fromSource } from '../../net/dial/source.ts'
import { ProbeMismatch, type Probe } from '../probe.ts'
import { excerpt } from './dialogue.ts'

/** Sends a datagram and waits for an answer that contains `expect`. Who refuses it (ICMP) is told so at once. */
export const udpProbe: Probe = async ({ address, config }, signal) => {
  if (address.kind === 'unix') throw new ProbeMismatch('no datagrams over unix sockets')
  const { send = '', expect = '' } = config
  const { source } = config
  const host = await addressOf(address.host, source)
  signal.throwIfAborted()
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  try {
    return await new Promise<string>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
      socket.on('error', reject)
      socket.on('message', (bytes) => {
        const seen = excerpt(bytes.toString('latin1'))
        if (bytes.includes(expect, 0, 'latin1')) resolve(`answered ${seen}`)
        else reject(new ProbeMismatch(`answered ${seen}`))
      })
      const ask = (): void =>
        socket.connect(address.port, host, () => socket.send(Buffer.from(send, 'latin1')))
      if (source === undefined) ask()
      else socket.bind({ address: source }, ask)
    })
  } finally {
    socket.close()
  }
}

function addressOf(name: string, source: string | undefined): Promise<string> {
  if (isIP(name) !== 0) return Promise.resolve(name)
  return new Promise((resolve, reject) =>
    fromSource(threadLookup(), source)(name, {}, (error, found) =>
      error === null ? resolve(found as string) : reject(error)
    )
  )
}
