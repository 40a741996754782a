import { z } from 'zod'
import { defaults } from '../../defaults.ts'
import { mapping } from '../leaf/leaf.ts'
import { flag, integer } from '../leaf/leaves.ts'
import { name } from '../leaf/name.ts'
import { backendAddress } from '../leaf/network-leaves.ts'

/** One backend as written: its address, or a mapping with more settings. */
export const backendSchema = z.union([
  backendAddress(),
  mapping(
    {
      address: backendAddress().describe('Its address: `host:port`, `[ipv6]:port` or `unix:/path`.'),
      name: name('a name such as web-1')
        .optional()
        .describe('Name in logs, metrics and commands; left out: the address.'),
      weight: integer(1, 1000, 'to send a backend nothing, take it out of the list or use `lb drain`')
        .optional()
        .describe('Share of the traffic relative to the other backends (1).'),
      maxConnections: integer(1, 1_000_000)
        .optional()
        .describe('Most connections or requests at once, over all workers; left out: no limit.'),
      backup: flag()
        .prefault(defaults.backend.backup)
        .describe('Use it only while no other backend can serve.')
    },
    {
      lone: (value) =>
        typeof value === 'number' ? 'write "127.0.0.1:@" for a port of this machine' : undefined,
      elsewhere: { port: 'is a part of `address`: "10.0.0.1:8080"' }
    }
  )
])

export type BackendInput = z.output<typeof backendSchema>
