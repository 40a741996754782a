import { z } from 'zod'
import { defaults } from '../../defaults.ts'
import { mapping } from '../leaf/leaf.ts'
import { flag, integer } from '../leaf/leaves.ts'
import { name } from '../leaf/name.ts'
import { backendAddress } from '../leaf/network-leaves.ts'

/** One backend as it is written: its address, or a mapping with more to say. */
export const backendSchema = z.union([
  backendAddress(),
  mapping(
    {
      address: backendAddress().describe('Where it is: `host:port`, `[ipv6]:port` or `unix:/path`.'),
      name: name('a name such as web-1')
        .optional()
        .describe('Name in logs, metrics and commands; left out: the address.'),
      weight: integer(1, 1000, 'to give a backend nothing take it out of the list, or `lb drain` it')
        .optional()
        .describe('Share of the traffic relative to the other backends (1).'),
      maxConnections: integer(1, 1_000_000)
        .optional()
        .describe('Connections or requests it may have at once, over all workers; left out: no limit.'),
      backup: flag().prefault(defaults.backend.backup).describe('Serves only while no other backend can.')
    },
    { elsewhere: { port: 'is a part of `address`: "10.0.0.1:8080"' } }
  )
])

export type BackendInput = z.output<typeof backendSchema>
