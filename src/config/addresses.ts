import { isIPv4, isIPv6 } from 'node:net'
import { domainToASCII } from 'node:url'
import type { AddressBind, SystemdBind } from './model/bind.ts'
import type { BackendAddress } from './model/pool-model.ts'

/** Length of Linux's sun_path without the closing NUL; Node would truncate a longer path silently. */
const MAX_UNIX_PATH = 107

/**
 * Parses `host:port`, `:port`, `[::]:port` or `unix:/path` of a listener; returns a string that says why it is invalid.
 */
export function parseBind(text: string): AddressBind | string {
  const words =
    /^(\S+)\s+(?:ssl|tls|http2|h2|quic|alpn|crt|default_server|reuseport|proxy_protocol|accept-proxy)\b/i.exec(
      text
    )
  if (words !== null) {
    const bind = /^\d+$/.test(words[1]!) ? `:${words[1]}` : words[1]!
    return `options after the address are keys beside it: write "${bind}", and \`tls\`, \`protocols\` or \`proxyProtocol\``
  }
  if (text.startsWith('unix:')) return parseUnix(text)
  if (text.startsWith('systemd:')) return 'only listeners take sockets from systemd; write an address'
  const scheme = /^[a-z][a-z0-9+.-]*:\/\/([^/]*)/i.exec(text)
  if (scheme !== null) return `"${text}" is a URL; write "${scheme[1]!}"`
  if (text === '[::]' || text === '::') return 'the port is missing; write "[::]:8080"'
  const list = text.split(/[,;\s]+/).filter((part) => part !== '')
  if (list.length > 1 && list.every((part) => /^\S*:\d+$/.test(part)))
    return `each address is an item of a list: [${list.map((part) => `"${part}"`).join(', ')}]`
  const mapped = /^(\d{1,5}):(\d{1,5})$/.exec(text)
  if (mapped !== null)
    return `"${text}" is no address; write the port to listen on alone, ":${mapped[1]}", and that of the servers in \`backends\``
  const parts = splitHostPort(text)
  if (typeof parts === 'string') return /^[a-z*][\w.*-]*$/i.test(text) ? notAnAddress(text, '8080') : parts
  const port = parsePort(parts.port, 0)
  if (typeof port === 'string') return port
  const host =
    parts.host === '' || parts.host === '*'
      ? '0.0.0.0'
      : parts.host.toLowerCase() === 'localhost'
        ? '127.0.0.1'
        : parts.host
  if (!isIPv4(host) && !isIPv6(host)) {
    return notAnAddress(parts.host, String(port))
  }
  return tcp(host, port)
}

function notAnAddress(host: string, port: string): string {
  const site = /\.[a-z]{2,}$/i.test(host) ? `, and the name in \`match: { host: ${host} }\` of a route` : ''
  return `"${host}" is not an IP address; a listener binds to one, or to every address with ":${port}"${site}`
}

/** Parses `systemd:name` of a listener; undefined for another kind; a string says why the name is invalid. */
export function parseSystemdBind(text: string): SystemdBind | string | undefined {
  if (!text.startsWith('systemd:')) return undefined
  const name = text.slice('systemd:'.length)
  // systemd.socket(5), FileDescriptorName=.
  if (/^[!-9;-~]{1,255}$/.test(name)) return { kind: 'systemd', name, text }
  return 'write "systemd:web", with the FileDescriptorName= of the socket unit (or its name, such as lb.socket)'
}

/**
 * Parses `host:port` or `unix:/path` of a backend, where host may be a name; returns a string that says why it is
 * invalid.
 */
export function parseBackendAddress(text: string): BackendAddress | string {
  const several = severalAddresses(text)
  if (several !== undefined) return several
  if (text.startsWith('unix:')) return parseUnix(text)
  const scheme = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(text)
  if (scheme !== null) {
    if (scheme[2]!.startsWith('unix:'))
      return `"${text}" is a URL; write "${scheme[2]!.replace(/:\/?$/, '')}"`
    const socket = /^\w+\+unix:\/\/(\/.+)$/.exec(text)
    return socket === null
      ? urlCure(text, scheme[1]!.toLowerCase(), scheme[2]!)
      : `"${text}" is a URL; write "unix:${socket[1]}"`
  }
  const mapped = /^(\d{1,5}):(\d{1,5})$/.exec(text)
  if (mapped !== null)
    return `"${text}" is no address; write the host of the server and its port: "127.0.0.1:${mapped[2]}" on this machine`
  const parts = splitHostPort(text)
  if (typeof parts === 'string') return parts
  const port = parsePort(parts.port, 1)
  if (typeof port === 'string') return port
  if (parts.host === '') return `"${text}" names no host; write "127.0.0.1:${port}" for this machine`
  if (!isIPv4(parts.host) && !isIPv6(parts.host) && !isHostName(parts.host)) {
    return `"${parts.host}" is neither an IP address nor a host name${hostCure(parts.host)}`
  }
  return tcp(parts.host, port)
}

/** A URL in place of an address: each part of it has a key of its own. */
function urlCure(text: string, scheme: string, rest: string): string {
  const [, host, path] = /^([^/]*)(\/.*)?$/.exec(rest)!
  if (/^srv\b|\+srv$/.test(scheme))
    return `"${text}" is a URL; SRV records are \`discover: { dns: ${host!}, type: srv }\` of the pool`
  const usual = services.get(scheme) ?? { h2c: 80, grpc: 50_051, grpcs: 443, rediss: 6379 }[scheme]
  const port = /:\d+$/.test(host!) ? '' : `:${usual ?? 'PORT'}`
  const tls = /^(?:https|rediss|grpcs|tls|ssl)$/.test(scheme) ? ' and give the pool `tls: {}`' : ''
  const h2c = /^(?:h2c|grpc)$/.test(scheme) ? ' and give the pool `protocol: h2c`' : ''
  const prefix =
    path === undefined || path === '/' ? '' : `; the path is \`rewrite: { addPrefix: ${path} }\` of the route`
  return `"${text}" is a URL; write "${host}${port}"${tls}${h2c}${prefix}`
}

/** How a variable of a shell, of Caddy's or of Windows is written here, as the end of a message. */
function variableCure(text: string): string {
  const variable = /^\$\(?(\w+)\)?$|^\{\$(\w+)\}$|^\{env\.(\w+)\}$|^%(\w+)%$/
    .exec(text)
    ?.slice(1)
    .find((name) => name !== undefined)
  return variable === undefined ? '' : `; from the environment it is "\${${variable}}"`
}

/** Why the host is invalid, where that can be told. */
function hostCure(host: string): string {
  const variable = variableCure(host)
  if (variable !== '') return variable
  if (host === '*') return '; a backend is one server: "127.0.0.1" is this machine'
  const ascii = /[^\x00-\x7f]/.test(host) ? domainToASCII(host) : ''
  if (ascii !== '') return `; in the form of DNS it is "${ascii}"`
  if (/^[\d.]+\/\d+$/.test(host)) return '; a backend is one server: list them, each with its port'
  if (/^[\d.]+-[\d.]+$/.test(host))
    return '; a range is written as the servers it consists of, each with its port'
  if (/^\d+(?:\.\d+){3}$/.test(host)) return '; each of its four numbers goes to 255'
  if (/^[\d.]+$/.test(host)) return '; an IPv4 address has four numbers'
  return /[^\w.-]/.test(host) ? '; names have letters, digits and dashes' : ''
}

/** Normal form of an IP network, `10.0.0.0/8` or `::1/128`; undefined when it is invalid. */
export function parseCidr(text: string): string | undefined {
  const slash = text.indexOf('/')
  const address = slash === -1 ? text : text.slice(0, slash)
  const bits = isIPv4(address) ? 32 : isIPv6(address) && !address.includes('%') ? 128 : undefined
  if (bits === undefined) return undefined
  if (slash === -1) return `${address}/${bits}`
  const prefix = text.slice(slash + 1)
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > bits) return undefined
  return `${address}/${Number(prefix)}`
}

/** RFC 1123 labels; underscores are allowed because container networks use them. */
export function isHostName(text: string): boolean {
  // `10.0.0.1-5` is a range of addresses.
  if (text.length > 253 || /^[\d.]+$|^\d+(?:\.\d+){3}-[\d.]+$/.test(text)) return false
  return text.split('.').every((label) => /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/i.test(label))
}

/** Several addresses in one text: `10.0.0.1:80, 10.0.0.2:80`. */
function severalAddresses(text: string): string | undefined {
  const dashed = /^-([\w.[\]-]+:\d+)(?:\s+-|$)/.exec(text)
  if (dashed !== null) return `a dash needs a space behind it: "- ${dashed[1]!}"`
  const ports = /^([\w.-]+:\d{1,5}):\d{1,5}$/.exec(text)
  if (ports !== null && !/^[\da-f]*:/i.test(text))
    return `"${text}" has two ports; write the one that the server listens on: "${ports[1]!}"`
  const parts = text.split(/[,;\s]+/).filter((part) => part !== '')
  if (parts.length < 2 || !parts.every((part) => /^[\w.[\]-]+:\d+$/.test(part))) return undefined
  const shown = parts.slice(0, 4).map((part) => `"${part}"`)
  return `each address is an item of a list: [${shown.join(', ')}${parts.length > 4 ? ', …' : ''}]`
}

/** Names of ports from /etc/services that users write. */
const services = new Map(
  Object.entries({
    http: 80,
    https: 443,
    mysql: 3306,
    postgres: 5432,
    postgresql: 5432,
    redis: 6379,
    smtp: 25,
    ssh: 22,
    domain: 53,
    ldap: 389,
    amqp: 5672
  })
)

function splitHostPort(text: string): { host: string; port: string } | string {
  const bracketed = /^\[([^\]]*)\]:(.*)$/.exec(text)
  if (bracketed !== null) {
    if (!isIPv6(bracketed[1]!)) return `"${bracketed[1]}" is not an IPv6 address`
    return { host: bracketed[1]!, port: bracketed[2]! }
  }
  const touching = /^\[([^\]]*)\]\.?(\d{1,5})$/.exec(text)
  if (touching !== null && isIPv6(touching[1]!))
    return `a colon is missing before the port: "[${touching[1]}]:${touching[2]}"`
  if (isIPv6(text)) return bareIPv6(text)
  if (text.startsWith(':::') && /^:::\d+$/.test(text))
    return `an IPv6 address needs brackets: "[::]:${text.slice(3)}"`
  if (text.startsWith('/') && text.length > 1)
    return `"${text}" has no port; is it a unix socket? Then write "unix:${text}"`
  const socket = /^(?:unix\/|unix@|unix=|unix)(\/.+)$/.exec(text)
  if (socket !== null) return `"${text}" is no address; did you mean "unix:${socket[1]!.replace(/:$/, '')}"?`
  if (/^abns@|^unix:@/.test(text))
    return `"${text}" is a socket without a file, which is not there; write "unix:/run/${text.replace(/^\w+[@:]+/, '')}.sock"`
  if (/^(?:fd|sockpair)@/.test(text))
    return `"${text}" is no address; sockets that are passed come from systemd: "systemd:web"`
  if (text.includes('{{')) return `"${text}" is a template to other programs; variables are "\${NAME}"`
  const colon = text.lastIndexOf(':')
  if (colon === -1) {
    if (/^\d+$/.test(text)) return `"${text}" has no colon; write ":${text}"`
    const spaced = /^(\S+)\s+(\d{1,5})$/.exec(text)
    return `"${text}" has no port; write "${spaced === null ? text : `${spaced[1]}:${spaced[2]}`}${spaced === null ? ':8080' : ''}"`
  }
  if (text.indexOf(':') !== colon) return `an IPv6 address needs brackets: "[::1]:8080"`
  return { host: text.slice(0, colon), port: text.slice(colon + 1) }
}

/** `fe80::1:8080` is an address, but may be meant as address and port. */
function bareIPv6(text: string): string {
  const [, host, port] = /^(.*):(\d{2,5})$/.exec(text) ?? []
  const zone = /^(.*%[^:]+):(\d{2,5})$/.exec(text)
  const [address, meant] = zone === null ? [host, port] : [zone[1], zone[2]]
  const bare = `an IPv6 address needs brackets and a port: "[${text}]:8080"`
  if (address === undefined || Number(meant) > 65_535) return bare
  const split = address === '' || address === ':' ? '::' : address.endsWith(':') ? `${address}:` : address
  if (!isIPv6(split)) return bare
  return `an IPv6 address needs brackets: did you mean "[${split}]:${meant!}"?`
}

function parsePort(text: string, lowest: 0 | 1): number | string {
  if (!/^\d+$/.test(text)) {
    const port = /^\d{1,5}(?=[\s/-])/.exec(text)?.[0]
    const weight = /\bweight[= ](\d+)/.exec(text)?.[1]
    const named = services.get(text.toLowerCase())
    if (named !== undefined) return `a port is a number: write ${named} in place of "${text}"`
    const ended = /^(\d{1,5})[;,.]+$/.exec(text)?.[1]
    if (ended !== undefined) return `"${text}" is not a port number; write ${ended}`
    if (/^\d{1,5}\/udp$/i.test(text))
      return `UDP is chosen by a key: write ${text.slice(0, -4)} alone as the port, and \`protocol: udp\` beside it`
    if (/^\d{1,5}\/tcp$/i.test(text)) return `TCP is the default: write "${text.slice(0, -4)}"`
    if (port === undefined) return `"${text}" is not a port number, which is 1 to 65535${variableCure(text)}`
    if (weight !== undefined)
      return `"${text}" is more than a port; write { address: "HOST:${port}", weight: ${weight} }`
    if (text.startsWith(`${port}/`))
      return `"${text}" is more than a port; a path to put in front is \`rewrite: { addPrefix: "${text.slice(port.length)}" }\` of a route`
    if (text.startsWith(`${port}-`)) return `"${text}" is a range of ports; list them, one address for each`
    return `"${text}" is more than a port; further settings are keys here: { address: "HOST:${port}", … }`
  }
  const port = Number(text)
  if (port < lowest || port > 65535) return `port ${text} is out of range; ports go from ${lowest} to 65535`
  return port
}

function parseUnix(text: string): AddressBind | string {
  const path = text.slice('unix:'.length).replace(/^\/\/(?=\/)/, '')
  const behind = /^(.+?):\/?[^/]*$/.exec(path)
  if (behind !== null) return `a unix socket has no port and no further path; write "unix:${behind[1]}"`
  if (path === '') return 'the path of the unix socket is missing; write "unix:/run/lb.sock"'
  if (Buffer.byteLength(path) > MAX_UNIX_PATH) {
    return `the path of a unix socket may have ${MAX_UNIX_PATH} bytes; this one has ${Buffer.byteLength(path)}`
  }
  return { kind: 'unix', path, text }
}

function tcp(host: string, port: number): AddressBind {
  return { kind: 'tcp', host, port, text: isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}` }
}
