import { isToken } from '../../../core/latin1.ts'
import { textOf } from '../../environment/env-text.ts'
import { isHostName, parseBackendAddress, parseBind, parseCidr, parseSystemdBind } from '../../addresses.ts'
import type { Bind } from '../../model/bind.ts'
import type { HashKey } from '../../model/model.ts'
import { foreignFieldValue, foreignHost, foreignPath } from '../../report/foreign-values.ts'
import { leaf, listOf, Refusal } from './leaf.ts'
import { text } from './leaves.ts'

/** `bare`: the address that a number alone probably means; `parse` returns a sentence for an invalid text. */
function address<Address extends object>(
  expected: string,
  examples: readonly string[],
  bare: string,
  parse: (written: string) => Address | string
) {
  return leaf<Address, string>(expected, { title: 'address', type: 'string', examples }, (input) => {
    if (typeof input === 'number')
      return new Refusal({ cure: `did you mean "${bare.replace('@', String(input))}"?` })
    const written = textOf(input)
    if (written === undefined || written === '') return new Refusal({})
    const parsed = parse(written)
    return typeof parsed === 'string' ? new Refusal({ message: parsed }) : parsed
  })
}

const BIND = 'an address such as ":8080", "127.0.0.1:8080" or "unix:/run/lb.sock"'
const BINDS = ['0.0.0.0:8080', ':8080', '[::]:8080', 'unix:/run/lb.sock']

export function listenerBind() {
  const parse = (written: string): Bind | string => parseSystemdBind(written) ?? parseBind(written)
  return address(BIND, [...BINDS, 'systemd:web'], ':@', parse)
}

export function bind() {
  return address(BIND, BINDS, ':@', parseBind)
}

export function backendAddress() {
  const expected = 'an address such as "10.0.0.1:8080" or "unix:/run/app.sock"'
  const examples = ['10.0.0.1:8080', 'db.internal:5432', 'unix:/run/app.sock']
  return address(expected, examples, '127.0.0.1:@', parseBackendAddress)
}

export function cidrs() {
  const json = { title: 'network', type: 'string', examples: ['10.0.0.0/8', '2001:db8::/32', '192.0.2.1'] }
  const item = leaf<string, string>('a network such as "10.0.0.0/8" or "::1"', json, (input) => {
    const written = textOf(input)
    const cidr = written === undefined ? undefined : parseCidr(written)
    if (cidr !== undefined) return cidr
    return new Refusal(written === undefined ? { cure: networksOf(input) } : { cure: cidrCure(written) })
  })
  return listOf(item)
}

const PRIVATE = 'write them: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, "fd00::/8"]'

/** Values of other programs: `trustedProxies: true`, `1`. */
function networksOf(input: unknown): string | undefined {
  return input === true || typeof input === 'number'
    ? `say which networks; private ones are: ${PRIVATE.slice(12)}`
    : undefined
}

function cidrCure(written: string): string | undefined {
  if (/^!/.test(written))
    return `what must not be goes under \`not\`: not: { clientIp: "${written.replace(/^!\s*/, '')}" }`
  if (/^(?:all|any|\*|everyone|everybody)$/i.test(written))
    return 'every network is "0.0.0.0/0" and "::/0"; to accept all clients leave `allow` out, to let few in name them there'
  if (/^(?:private|private[-_ ]?ranges?|rfc1918|internal|lan)$/i.test(written)) return PRIVATE
  if (/^localhost$/i.test(written)) return 'write "127.0.0.0/8" and "::1"'
  const several = written.split(/[,;\s]+/).filter((part) => part !== '')
  if (several.length > 1 && several.every((part) => parseCidr(part) !== undefined))
    return `each network is an item of a list: [${several.map((part) => `"${part}"`).join(', ')}]`
  const close = written.replace(/^\s*(.*?)\s*[;,]?$/, '$1').replaceAll(/\s*\/\s*/g, '/')
  const short = close.replace(
    /^(\d+(?:\.\d+){0,2})\//,
    (_, bytes: string) => `${[...bytes.split('.'), '0', '0', '0'].slice(0, 4).join('.')}/`
  )
  const meant = [close, short, close.replace(/^(\d+(?:\.\d+){3}):\d+$/, '$1')].find(
    (each) => each !== written && parseCidr(each) !== undefined
  )
  if (meant !== undefined)
    return `did you mean "${meant}"?${/:\d+$/.test(written) ? ' A network has no port' : ''}`
  const mask = /^([\d.]+)\/((?:\d+\.){3}\d+)$/.exec(written)
  if (mask !== null) return `write "${mask[1]}/${maskBits(mask[2]!)}"`
  if (/^[\d.]+\s*-\s*[\d.]+$/.test(written)) return 'a range is written as the networks it consists of'
  if (/^(?:\d+\.){1,3}\*/.test(written)) {
    const bytes = written.split('.').filter((part) => part !== '*')
    return `write "${[...bytes, '0', '0', '0'].slice(0, 4).join('.')}/${bytes.length * 8}"`
  }
  if (/[a-z]/i.test(written) && !written.includes(':')) return 'a name is no network; write its addresses'
  const address = written.split('/')[0]!
  if (parseCidr(address) === undefined) return undefined
  return `the part behind the slash goes from 0 to ${address.includes(':') ? 128 : 32}`
}

function maskBits(mask: string): number {
  return mask.split('.').reduce((bits, byte) => bits + Number(byte).toString(2).replaceAll('0', '').length, 0)
}

/** Host names in requests or in TLS: exact or `*.example.com`. */
export function hostPattern(anyHost = 'leave the key out instead') {
  return text('a host name such as example.com or "*.example.com"', {
    json: { title: 'host' },
    reject(value) {
      const foreign = foreignHost(value, anyHost)
      if (foreign !== undefined) return foreign
      if (/:\d+$/.test(value)) return `write the host without its port: "${value.replace(/:\d+$/, '')}"`
      const name = value.startsWith('*.') ? value.slice(2) : value
      const bare = name.replace(/^\[(.*)\]$/, '$1')
      if (isHostName(name) || parseCidr(bare) !== undefined) return undefined
      if (name.includes('*')) return `a "*" may only stand for the first labels: "*.example.com"`
      const several = value.split(/[,;\s]+/).filter((part) => part !== '')
      if (several.length > 1 && several.every((part) => isHostName(part.replace(/^\*\./, ''))))
        return `each host is an item of a list: [${several.map((part) => `"${part}"`).join(', ')}]`
      return `"${value}" is not a host name`
    }
  })
}

export function fieldName() {
  return text('a field name such as X-Tenant', {
    json: { title: 'field name' },
    max: 128,
    reject: (value) =>
      isToken(value)
        ? undefined
        : /^[\w-]+(?:\s*,\s*[\w-]+)+$/.test(value)
          ? `each name is an item of a list: [${value.split(/\s*,\s*/).join(', ')}]`
          : /^[\w -]+$/.test(value)
            ? `"${value}" is not a field name; did you mean "${value.trim().replaceAll(/\s+/g, '-')}"?`
            : /^[\w-]+:/.test(value)
              ? `"${value}" is a whole line; write name and value apart: { ${value.split(':')[0]}: … }`
              : `"${value}" is not a field name; use letters, digits and dashes`
  })
}

/** A field value; CR, LF and NUL are refused. `foreign`: what other proxies write for it, with the cure. */
export function fieldValue(
  foreign: (value: string) => string | undefined = foreignFieldValue,
  first: (value: string) => string | undefined = () => undefined
) {
  return text('the text of a field', {
    min: 0,
    max: 4096,
    reject: (value) =>
      // Heads are written as latin1; other characters would be mangled.
      /^[\t\x20-\x7e\x80-\xff]*$/.test(value)
        ? (first(value) ?? foreign(value))
        : 'a field value must be visible latin1 characters'
  })
}

/** `named`: each is a method's name, and `*` stands for none. */
export function method({ named = false } = {}) {
  return text('a method such as GET', {
    json: { title: 'method' },
    max: 32,
    reject(value) {
      if (/^[A-Za-z]+(?:\s*[,|]\s*[A-Za-z]+|\s+[A-Za-z]+)+$/.test(value))
        return `each method is an item of a list: [${value
          .toUpperCase()
          .split(/[\s,|]+/)
          .join(', ')}]`
      if (named && /^(?:\*|all|any)$/i.test(value)) return 'to take every method leave the key out'
      if (!isToken(value)) return `"${value}" is not a method; they are words such as GET`
      return value === value.toUpperCase()
        ? undefined
        : `methods are upper case: did you mean "${value.toUpperCase()}"?`
    }
  })
}

/** `foreign`: what other proxies write for it, with the cure. */
export function absolutePath(foreign: (value: string) => string | undefined = () => undefined) {
  return text('a path such as /api/', {
    json: { title: 'path' },
    plain: 'write the path itself',
    reject: (value) =>
      foreign(value) ??
      foreignPath(value) ??
      (!value.startsWith('/')
        ? `a path begins with a slash: did you mean "/${value}"?`
        : /[\s?#\\]/.test(value)
          ? `a path has no spaces, "?", "#" or backslashes${value.includes('?') ? '; parameters of the query go to `query`' : ''}`
          : /(?:^|\/)\.{1,2}(?:\/|$)/.test(value)
            ? 'write the path without "." and ".."; paths are compared after they are resolved'
            : undefined)
  })
}

/** `reject`: what another proxy means by the expression, with the cure. */
export function regex(
  expected = 'a regular expression such as "^/brew/[0-9]+$"',
  reject: (value: string) => string | undefined = () => undefined
) {
  return text(expected, {
    json: { title: 'regular expression' },
    reject(value) {
      const foreign = reject(value)
      if (foreign !== undefined) return foreign
      try {
        new RegExp(value)
        return delimited(value)
      } catch (error) {
        const reason =
          error instanceof Error ? error.message.replace(/^Invalid regular expression: /, '') : ''
        return `not a regular expression: ${reason}${regexCure(value)}`
      }
    }
  })
}

/** `/^\/api/`: a literal of JavaScript, whose first slash would be looked for before the beginning. */
function delimited(value: string): string | undefined {
  const [, inner, flags] = /^\/(\^.*)\/([gimsuy]*)$/.exec(value) ?? []
  if (inner === undefined) return undefined
  const note = flags === '' ? '' : '; there are no flags: write [Aa] for either case'
  return `write the expression without slashes around it: "${inner.replaceAll('\\/', '/')}"${note}`
}

/** Features of other engines that JavaScript's expressions lack. */
function regexCure(value: string): string {
  if (/\(\?[a-z]+\)/i.test(value)) return '; there are no flags such as (?i) here: write [Aa] for either case'
  if (/\(\?P</.test(value)) return '; a named group is (?<name>…) here'
  if (/[+*?}]\+/.test(value)) return '; there are no possessive quantifiers here: take the second "+" out'
  return ''
}

/** Functions of HAProxy and others for parts of a request. */
const CALLED = new Map([
  ...['hdr', 'fhdr', 'header'].map((word) => [word, 'header'] as const),
  ...['cook', 'cookie'].map((word) => [word, 'cookie'] as const),
  ...['urlp', 'url_param', 'query', 'arg'].map((word) => [word, 'query'] as const)
])

/** Variables and words for keys of limits and hashes in other load balancers. */
export function foreignKeyCure(written: string): string | undefined {
  const [, kind, name] = /^\$(http|cookie|arg)_(\w+)$/.exec(written) ?? []
  if (kind !== undefined)
    return `here it is ${{ http: 'header', cookie: 'cookie', arg: 'query' }[kind]}:${kind === 'http' ? name!.replaceAll('_', '-') : name}`
  const called =
    /^(?:req\.)?(hdr|fhdr|header|cook|cookie|urlp|url_param|query|arg)\(["']?([\w-]+)["']?\)/i.exec(written)
  if (called !== null) return `here it is ${CALLED.get(called[1]!.toLowerCase())!}:${called[2]}`
  const httpd = /^%\{([\w-]+)\}([iC])$/.exec(written)
  if (httpd !== null) return `here it is ${httpd[2] === 'i' ? 'header' : 'cookie'}:${httpd[1]}`
  const spaced = /^(header|cookie|query):\s+(\S+)$/.exec(written)
  if (spaced !== null) return `write "${spaced[1]}:${spaced[2]}"`
  if (/^(?:header|cookie|query)$/.test(written)) return `write "${written}:NAME"`
  if (/^x-[\w-]+$/i.test(written)) return `did you mean "header:${written}"?`
  if (
    /^(?:\$?(?:binary_)?remote_addr|ip|src|source(?:-?ip)?|client_?ip|address|remote_ip|\{remote_host\})$/i.test(
      written
    )
  )
    return 'here it is client-ip'
  if (/^(?:\$?(?:request_)?uri|url|request-?path)$/i.test(written)) return 'here it is path'
  if (/^(?:\$?(?:remote_)?user(?:name)?|token|sub)$/i.test(written))
    return 'here it is identity, where there is `auth`'
  return undefined
}

/** `client-ip`, `path`, `header:N`, `cookie:N` or `query:N`. */
export function hashKey() {
  const json = {
    title: 'hash key',
    type: 'string',
    examples: ['client-ip', 'header:x-tenant', 'cookie:session', 'query:id', 'path']
  }
  return leaf<HashKey, 'client-ip' | 'path' | `${'header' | 'cookie' | 'query'}:${string}`>(
    'client-ip, path, header:NAME, cookie:NAME or query:NAME',
    json,
    (input) => {
      const written = textOf(input)
      if (written === 'client-ip' || written === 'path') return { kind: written }
      const [, kind, name] = /^(header|cookie|query):(.{1,128})$/.exec(written ?? '') ?? []
      if (kind === undefined || name === undefined)
        return new Refusal({ cure: foreignKeyCure(written ?? '') })
      if (kind === 'query') return { kind, name }
      const cure = foreignKeyCure(written ?? '')
      if (!isToken(name) && cure !== undefined) return new Refusal({ cure })
      if (!isToken(name)) return new Refusal({ message: `"${name}" is not the name of a ${kind}` })
      return kind === 'header' ? { kind, name: name.toLowerCase() } : { kind: 'cookie', name }
    }
  )
}

/** An http or https URL, of which `whyNot` may refuse some. */
export function httpUrl(example: string, whyNot: (value: string) => string | undefined = () => undefined) {
  return text(`a URL such as "${example}"`, {
    max: 2048,
    json: { title: 'URL' },
    reject: (value) =>
      URL.canParse(value) && /^https?:\/\//.test(value)
        ? whyNot(value)
        : `"${value}" is not an http or https URL${/^[\w.-]+(?::\d+)?(?:\/\S*)?$/.test(value) ? `; did you mean "https://${value}"?` : ''}`
  })
}
