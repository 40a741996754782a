import { existsSync } from 'node:fs'
import { formatProblems } from '../../config/report/format-problems.ts'
import type { AddressBind } from '../../config/model/bind.ts'
import { type AdminOfFile, readAdmin } from '../../config/read-admin.ts'
import type { Problem } from '../../config/report/problem.ts'
import { CliError } from '../cli-error.ts'
import { exitCode } from '../exit-code.ts'

/** Where to reach a running `lb`. */
export interface Target {
  /** The form for messages: `http://127.0.0.1:9900`, `unix:/run/lb.sock`. */
  readonly text: string
  readonly origin: string
  readonly socketPath?: string
  readonly token?: string
  /** Not named by the user: found in ./lb.yaml, or the default. */
  readonly implied: boolean
  /** The configuration that its address stands in. */
  readonly file?: string
}

export interface TargetOptions {
  readonly admin?: string
  readonly token?: string
  readonly config?: string
  /** The user named `config`, so it must be readable. */
  readonly configNamed: boolean
}

const DEFAULT_ADMIN = 'http://127.0.0.1:9900'

/**
 * Address: `--admin`, else the configuration's admin.bind, else 127.0.0.1:9900. Token: `--token`, LB_ADMIN_TOKEN, else
 * the configuration's, which is sent only to the address in the same configuration, unless the user named that with
 * `-c`.
 */
export function findTarget(options: TargetOptions, env: NodeJS.ProcessEnv): Target {
  const token = options.token ?? (env.LB_ADMIN_TOKEN || undefined)
  const useConfig = options.configNamed || options.admin === undefined
  const known = useConfig ? fromConfig(options, env) : {}
  const address = parseAdmin(options.admin ?? known.admin ?? DEFAULT_ADMIN)
  const implied = options.admin === undefined && !options.configNamed
  const { config } = options
  const inFile = options.admin === undefined && known.admin !== undefined && config !== undefined
  return withToken({ ...address, implied, ...(inFile && { file: config }) }, token ?? known.token)
}

function withToken(target: Target, token: string | undefined): Target {
  return token === undefined || token === '' ? target : { ...target, token }
}

/** An existing file decides, named or not: a command must never change another lb than the one of this file. */
function fromConfig(
  { config, configNamed }: TargetOptions,
  env: NodeJS.ProcessEnv
): { admin?: string; token?: string } {
  if (config === undefined || (!configNamed && !existsSync(config))) return {}
  const admin = readAdmin(config, env)
  if (isProblems(admin)) {
    const hint = configNamed ? '' : '\nlb: so the lb of this directory is not known; name one with --admin'
    throw new CliError(`${formatProblems(admin)}${hint}`, exitCode.usage)
  }
  const { bind, token } = admin
  if (bind === undefined) {
    throw new CliError(
      `${config} has no admin.bind, so that lb cannot be asked; add "admin: { bind: 127.0.0.1:9900 }", or name an lb with --admin`
    )
  }
  return { admin: addressOf(bind, config), ...(token === undefined ? {} : { token }) }
}

function isProblems(admin: AdminOfFile | readonly Problem[]): admin is readonly Problem[] {
  return Array.isArray(admin)
}

function addressOf(bind: AddressBind, config: string): string {
  if (bind.kind === 'unix') return bind.text
  if (bind.port === 0) {
    throw new CliError(
      `admin.bind in ${config} leaves the port to the system: name it with --admin`,
      exitCode.usage
    )
  }
  const host = bind.host.replace(/^\[|\]$/g, '')
  // A wildcard address is reached through loopback.
  const reachable = host === '0.0.0.0' || host === '' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${bind.port}`
}

function parseAdmin(text: string): Omit<Target, 'implied' | 'file'> {
  if (text.startsWith('unix:') && text.length > 5) {
    return { text, origin: 'http://localhost', socketPath: text.slice(5) }
  }
  // A number alone is a port; a URL would read it as an IPv4 address.
  if (/^\d{1,5}$/.test(text)) return parseAdmin(`127.0.0.1:${text}`)
  // A host alone: the port that examples have. A wildcard address is reached through loopback.
  if (/^(?:[a-z][\w.-]*|\d+(?:\.\d+){3}|\[[\da-f:.]+\])$/i.test(text)) return parseAdmin(`${text}:9900`)
  const bare = text.replace(/^(?:\*|0\.0\.0\.0)?(?=:\d+$)/, '127.0.0.1').replace(/^\[::\](?=:\d+$)/, '[::1]')
  const url = /^https?:\/\//i.test(text) ? text : `http://${bare}`
  if (!URL.canParse(url) || new URL(url).pathname !== '/') {
    const cure = text.startsWith('/')
      ? `did you mean unix:${text}?`
      : 'an address is expected: http://127.0.0.1:9900, 127.0.0.1:9900 or unix:/run/lb.sock'
    throw new CliError(`--admin ${text}: ${cure}`, exitCode.usage)
  }
  const { origin } = new URL(url)
  return { text: origin, origin }
}
