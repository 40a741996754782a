import type { Test } from 'tap'
import { DnsServer, type Names } from '../../../discovery/dns-server.ts'
import type { Seeded } from '../../../http-battery/seeded.ts'
import { pause } from '../plan.ts'

/** Has one SRV record for each backend, in turn with others. */
export const SERVICE = '_site._tcp.two.test'

export interface WorldDns {
  readonly server: string
  /** Answers change while `isGoingOn`: targets come and go and move, records fail, the server is silent. The first target stays somewhere. */
  changes(seeded: Seeded, isGoingOn: () => boolean): Promise<void>
  close(): void
}

/** A DNS server that knows where `backends` are; each listens on 127.0.0.1 and 127.0.0.2. */
export async function startDns(backends: readonly string[]): Promise<WorldDns> {
  const closers: (() => void)[] = []
  const dns = await DnsServer.start(
    { teardown: (close: () => void) => void closers.push(close) } as unknown as Test,
    []
  )
  const ports = backends.map((address) => Number(address.slice(address.lastIndexOf(':') + 1)))
  const zone = (addresses: readonly (Names | undefined)[], fails = false): Map<string, Names> => {
    const srv = ports.flatMap((port, at) =>
      addresses[at] === undefined ? [] : { priority: 1, weight: 1, port, target: `t${at}.two.test` }
    )
    return new Map<string, Names>([
      [SERVICE, { srv, fails }],
      ...addresses.flatMap((names, at): [string, Names][] =>
        names === undefined ? [] : [[`t${at}.two.test`, names]]
      )
    ])
  }
  dns.zone = zone(backends.map(() => ({ a: ['127.0.0.1'] })))
  return {
    server: `127.0.0.1:${dns.port}`,
    async changes(seeded, isGoingOn) {
      while (isGoingOn()) {
        await pause(seeded.of([100, 300, 600]))
        const drawn = backends.map((_, at): Names | undefined => {
          const a = seeded.of([['127.0.0.1'], ['127.0.0.2'], ['127.0.0.2', '127.0.0.1']])
          if (at > 0 && seeded.chance(0.3)) return undefined
          return seeded.chance(0.1) ? { fails: true } : { a }
        })
        dns.zone = zone(drawn, seeded.chance(0.4))
        dns.mode = seeded.of(['ok', 'ok', 'ok', 'ok', 'ok', 'garbage', 'silent'])
      }
    },
    close() {
      for (const close of closers) close()
    }
  }
}
