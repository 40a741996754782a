import type { AccessLog, ConnectionAccessLog } from '../model/access-log-model.ts'
import type { Bind } from '../model/bind.ts'
import type {
  ConnectionLimit,
  L7ListenerConfig,
  ListenerConfig,
  ListenerTls,
  UdpConfig
} from '../model/model.ts'
import type { L4Input, L7Input, ListenerInput } from '../schema/listener/listener.ts'
import type { ListenerTlsInput } from '../schema/listener/tls.ts'
import { buildListenerAcme } from './acme.ts'
import { buildBinds, type ResolvePath } from './paths.ts'
import { stageValues } from './stage-values.ts'
import { buildRoute, routeForPool, routeToHttps } from './route.ts'

type LogPlaceInput = Pick<Exclude<L7Input['accessLog'], boolean>, 'file' | 'rotate'>

/** `challenges`: listeners in clear text answer requests of http-01 validations. */
export function buildListeners(
  inputs: readonly ListenerInput[],
  absolute: ResolvePath,
  challenges: boolean
): ListenerConfig[] {
  const names = new Set(inputs.flatMap(({ name }) => (name === undefined ? [] : [name])))
  return inputs.map((input) => {
    const name = input.name ?? freeName(input, names)
    names.add(name)
    return input.mode === 'l4' ? buildL4(input, name, absolute) : buildL7(input, name, absolute, challenges)
  })
}

/** `l7-8080`; `l7-8080-2` when that is taken, as with two listeners on port 0. */
function freeName(input: ListenerInput, taken: ReadonlySet<string>): string {
  const [bind] = input.bind
  const place = placeOf(bind!)
  const name = `${input.mode}-${place}`
  if (!taken.has(name)) return name
  let suffix = 2
  while (taken.has(`${name}-${suffix}`)) suffix++
  return `${name}-${suffix}`
}

function placeOf(bind: Bind): string {
  if (bind.kind === 'tcp') return String(bind.port)
  return bind.kind === 'unix' ? bind.path.replace(/^.*\//, '') : bind.name.replace(/\.socket$/, '')
}

function buildCommon(input: ListenerInput, name: string, absolute: ResolvePath) {
  return {
    name,
    binds: buildBinds(input.bind, absolute),
    allow: input.allow,
    deny: input.deny,
    ...(input.maxConnections !== undefined && { maxConnections: input.maxConnections }),
    ...(input.connectionLimit !== undefined && {
      connectionLimit: buildConnectionLimit(input.connectionLimit)
    }),
    ...(input.proxyProtocol !== undefined && { proxyProtocol: input.proxyProtocol }),
    ...(input.socket !== undefined && { socket: buildSocket(input.socket) })
  }
}

function buildSocket({ mode, owner, group }: NonNullable<ListenerInput['socket']>) {
  return {
    ...(mode !== undefined && { mode: Number.parseInt(mode.replace(/^0?o/, ''), 8) }),
    ...(owner !== undefined && { owner }),
    ...(group !== undefined && { group })
  }
}

function buildConnectionLimit(input: NonNullable<ListenerInput['connectionLimit']>): ConnectionLimit {
  return {
    ...(input.perClient !== undefined && { perClient: input.perClient }),
    ...(input.rate !== undefined && { ratePerSecond: input.rate })
  }
}

function buildL4(input: L4Input, name: string, absolute: ResolvePath): ListenerConfig {
  const common = buildCommon(input, name, absolute)
  return {
    ...common,
    ...(input.protocol === 'udp' && { binds: common.binds.map(datagramBind) }),
    mode: 'l4',
    protocol: input.protocol,
    ...(input.protocol === 'udp' && { udp: buildUdp(input.udp) }),
    ...(input.tls !== undefined && { tls: buildTls(input.tls, absolute) }),
    ...(input.pool !== undefined && { pool: input.pool }),
    sni: input.sni.map(({ host, pool }) => ({ host: host.toLowerCase(), pool })),
    timeouts: {
      idleMs: input.timeouts.idle,
      halfCloseMs: input.timeouts.halfClose,
      handshakeMs: input.timeouts.handshake
    },
    accessLog: buildConnectionLog(input.accessLog, absolute)
  }
}

/** The same address and port can be used for TCP too. */
function datagramBind(bind: Bind): Bind {
  return { ...bind, text: `${bind.text}/udp` }
}

function buildUdp({ idle, responses, maxSessions, amplification, receiveBuffer }: L4Input['udp']): UdpConfig {
  return {
    idleMs: idle,
    ...(responses !== undefined && { responses }),
    maxSessions,
    ...(amplification !== undefined && { amplification }),
    receiveBuffer
  }
}

function buildL7(input: L7Input, name: string, absolute: ResolvePath, challenges: boolean): L7ListenerConfig {
  const routes = input.routes.map((route, index) => buildRoute(route, `${name}/${index + 1}`, input))
  const last = `${name}/${routes.length + 1}`
  const { pool, redirectToHttps: https } = input
  if (https !== false) routes.push(routeToHttps(https === true ? undefined : https.port, last, input))
  if (pool !== undefined)
    routes.push(routeForPool(pool, https === false ? last : `${name}/${routes.length + 1}`, input))
  const { timeouts } = input
  return {
    ...buildCommon(input, name, absolute),
    mode: 'l7',
    ...(input.tls !== undefined && { tls: buildTls(input.tls, absolute) }),
    protocols: [...new Set(input.protocols)],
    http2: { maxStreams: input.http2.maxStreams, idleMs: input.http2.idle },
    trustedProxies: input.trustedProxies,
    answersChallenges: challenges && input.tls === undefined,
    limits: input.limits,
    timeouts: {
      handshakeMs: timeouts.handshake,
      requestHeadersMs: timeouts.requestHeaders,
      idleMs: timeouts.idle,
      ...(timeouts.requestBody !== undefined && { requestBodyMs: timeouts.requestBody }),
      ...(timeouts.minRate !== false && {
        minRate: { bytes: timeouts.minRate.bytes, windowMs: timeouts.minRate.window }
      }),
      keepAliveMs: timeouts.keepAlive,
      tunnelMs: timeouts.tunnel
    },
    accessLog: buildAccessLog(input.accessLog, absolute),
    backendHeader: input.backendHeader,
    trace: input.trace,
    via: input.via,
    paths: input.paths,
    stages: stageValues(input),
    routes
  }
}

function buildAccessLog(input: L7Input['accessLog'], absolute: ResolvePath): AccessLog {
  if (typeof input === 'boolean') return { enabled: input, sample: 1, format: 'json' }
  const { slow, sample, fields, format } = input
  return {
    enabled: true,
    ...(slow !== undefined && { slowMs: slow }),
    sample,
    format,
    ...(fields !== undefined && { fields }),
    ...logPlace(input, absolute)
  }
}

function buildConnectionLog(input: L4Input['accessLog'], absolute: ResolvePath): ConnectionAccessLog {
  if (typeof input === 'boolean') return { enabled: input, sample: 1, format: 'json' }
  const { sample, fields, format } = input
  return {
    enabled: true,
    sample,
    format,
    ...(fields !== undefined && { fields }),
    ...logPlace(input, absolute)
  }
}

function logPlace({ file, rotate }: LogPlaceInput, absolute: ResolvePath) {
  return {
    ...(file !== undefined && { file: absolute(file) }),
    ...(rotate !== undefined && { rotate: { bytes: rotate.size, keep: rotate.keep } })
  }
}

function buildTls(input: ListenerTlsInput, absolute: ResolvePath): ListenerTls {
  const { certificates = [], selfSigned, acme, minVersion, ciphers, ocsp, clientAuth } = input
  return {
    certificates: Array.isArray(certificates)
      ? certificates.map(({ cert, key }) => ({ cert: absolute(cert), key: absolute(key) }))
      : [],
    ...(!Array.isArray(certificates) && { certificateFolder: absolute(certificates.dir) }),
    selfSigned,
    ...(acme !== undefined && { acme: buildListenerAcme(acme) }),
    minVersion,
    ...(ciphers !== undefined && { ciphers }),
    ...(ocsp !== undefined && { ocsp }),
    ...(clientAuth !== undefined && {
      clientAuth: {
        ca: absolute(clientAuth.ca),
        ...(clientAuth.crl !== undefined && { crl: absolute(clientAuth.crl) }),
        required: clientAuth.required,
        forward: clientAuth.forward
      }
    })
  }
}
