import { isIP } from 'node:net'
import { z } from 'zod'
import { isHostName } from '../../addresses.ts'
import { listOf, mapping } from '../leaf/leaf.ts'
import { duration, integer, text, word } from '../leaf/leaves.ts'
import { firstOf, loneText, loneTrue } from '../leaf/lone.ts'
import { fieldName, fieldValue, httpUrl } from '../leaf/network-leaves.ts'

function path(expected: string) {
  return text(expected, { max: 4096, json: { title: 'path' } })
}

function port() {
  return integer(1, 65_535)
}

const ONE = 'is another source: a pool has one of dns, file, http, docker, kubernetes and consul'

/** Explains the keys of other sources beside those of one source. */
function others(...own: readonly string[]): Record<string, string> {
  const sources = ['dns', 'file', 'http', 'docker', 'kubernetes', 'consul']
  return Object.fromEntries(sources.filter((key) => !own.includes(key)).map((key) => [key, ONE]))
}

const dns = mapping(
  {
    dns: text('a name such as api.service.internal', {
      max: 253,
      reject: (value) =>
        isHostName(value.replace(/\.$/, ''))
          ? undefined
          : `"${value}" is not a name to look up${/^[\w.-]+:\d+$/.test(value) ? `; write "${value.replace(/:\d+$/, '')}", and \`port: ${value.replace(/.*:/, '')}\` beside it` : ''}`
    }).describe('Name to look up at the DNS servers; `/etc/hosts` is not read.'),
    type: word(['a', 'srv'])
      .prefault('a')
      .describe(
        '`a`: A and AAAA records, with `port`. `srv`: SRV records with their weights; those without the best priority are backups.'
      ),
    port: port().optional().describe('Port of the backends; needed for `a`.'),
    interval: duration({ min: 1000, example: '10s' })
      .optional()
      .describe('Longest time between lookups; shorter when the shortest TTL ends before (at least 1s).'),
    servers: listOf(
      text('an address such as 127.0.0.1:8600', {
        max: 64,
        reject: (value) =>
          isIP(value) !== 0 || /^(\d+(\.\d+){3}|\[[0-9a-f:]+\]):\d{1,5}$/i.test(value)
            ? undefined
            : `"${value}" is not an IP address with or without a port; write its address, such as 10.0.0.53 or 10.0.0.53:53`
      }),
      { max: 8 }
    )
      .prefault([])
      .describe("DNS servers to ask; left out: the system's.")
  },
  { lone: sourceMeant, elsewhere: others('dns') }
)

/** The mapping that `consul://web`, `./list.yaml` or `web.internal` probably means. */
function sourceMeant(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  if (/^docker$/i.test(value)) return 'did you mean { docker: { label: lb.pool=web } }?'
  if (/^(kubernetes|k8s|consul)$/i.test(value))
    return `did you mean { ${/^k/i.test(value) ? 'kubernetes' : 'consul'}: { service: NAME } }?`
  if (/^_[^.]+\._(?:tcp|udp)\./.test(value)) return 'did you mean { dns: @, type: srv }?'
  const [, kind, rest] = /^(dns|file|consul|docker|kubernetes):(?:\/\/)?(.+)$/.exec(value) ?? []
  if (kind === 'consul' || kind === 'docker' || kind === 'kubernetes')
    return `did you mean { ${kind}: { … } }?`
  if (kind === 'file' || /^[./]/.test(value)) return `did you mean { file: ${rest ?? value} }?`
  if (/^https?:/.test(value)) return 'did you mean { http: "@" }?'
  return /^[\w.-]+$/.test(rest ?? value) ? `did you mean { dns: ${rest ?? value}, port: 8080 }?` : undefined
}

const file = mapping({
  file: path('a path such as ./backends.yaml').describe(
    'YAML or JSON: a list as under `backends`, or a mapping with that key. Read again whenever it changes.'
  )
})

const http = mapping({
  http: httpUrl('http://127.0.0.1:8000/api.json').describe(
    'URL of such a list, fetched with ETag and Last-Modified.'
  ),
  interval: duration({ min: 100, example: '10s' }).prefault('10s').describe('How often it is fetched.'),
  headers: z.record(fieldName(), fieldValue()).prefault({}).describe('Fields to send, such as Authorization.')
})

const docker = mapping({
  docker: mapping(
    {
      socket: path('a path such as /var/run/docker.sock')
        .prefault('/var/run/docker.sock')
        .describe('The unix socket of the Docker Engine API.'),
      label: text('a label such as lb.pool=api', { max: 256 }).describe(
        'Containers with this label are backends.'
      ),
      port: port()
        .optional()
        .describe('Port inside the container; left out: its label `lb.port`, or its only port.'),
      network: text('the name of a network', { max: 128 })
        .optional()
        .describe('Network whose address is used; left out: the first one with an address.')
    },
    {
      example: '{ label: "lb.pool=api", port: 8080 }',
      lone: firstOf(loneText('label', /=/), loneTrue('did you mean { label: lb.pool=web }?'))
    }
  ).describe(
    'Containers of a Docker daemon. Labels such as `lb.port`, `lb.weight`, `lb.name` and `lb.network` change single ones.'
  )
})

const kubernetes = mapping({
  kubernetes: mapping(
    {
      service: text('the name of a service', {
        max: 253,
        reject: (value) =>
          /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/i.test(value)
            ? undefined
            : `"${value}" is not the name of a service alone; its namespace and port are keys beside it`
      }).describe('Service whose EndpointSlices are watched.'),
      namespace: text('the name of a namespace', { max: 63 })
        .optional()
        .describe("Namespace; left out: the pod's own, or the kubeconfig's."),
      port: z
        .union([port(), text('the name of a port', { max: 63 })])
        .optional()
        .describe('Name or number of the port; left out: the only one.'),
      kubeconfig: path('a path such as ~/.kube/config')
        .optional()
        .describe(
          "Path of a kubeconfig; left out: the pod's service account, outside a cluster `KUBECONFIG` or `~/.kube/config`."
        ),
      zone: text('a zone such as eu-1a', { max: 63 })
        .optional()
        .describe('Prefer endpoints with a hint for this zone.')
    },
    { lone: loneText('service') }
  ).describe('Endpoints of a Kubernetes service.')
})

const consul = mapping({
  consul: mapping(
    {
      service: text('the name of a service', { max: 253 }).describe(
        'Service whose passing instances are the backends.'
      ),
      url: httpUrl('http://127.0.0.1:8500')
        .prefault('http://127.0.0.1:8500')
        .describe("The agent's HTTP API."),
      token: text('an ACL token', { max: 256 }).optional().describe('ACL token; best as `${CONSUL_TOKEN}`.'),
      tag: text('a tag', { max: 256 }).optional().describe('Only instances with this tag.'),
      datacenter: text('a datacenter', { max: 128 }).optional().describe("Datacenter; left out: the agent's.")
    },
    { lone: loneText('service') }
  ).describe('Instances of a Consul service, by blocking queries.')
})

export const discoverSchema = z.union([dns, file, http, docker, kubernetes, consul])

export type DiscoverInput = z.output<typeof discoverSchema>
