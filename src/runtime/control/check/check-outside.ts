import { lookup } from 'node:dns/promises'
import { accessSync, constants, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Bind } from '../../../config/model/bind.ts'
import type { Config } from '../../../config/model/model.ts'
import { errorAt, type Finding, type Path, warningAt } from '../../../config/report/problem.ts'
import { systemReason } from '../../../config/report/system-reason.ts'
import { type CertificateReport, checkCertificates } from '../../certificates/check-certificates.ts'
import { checkAcmeFiles } from '../../certificates/check-acme.ts'
import { checkUser } from '../../process/privileges.ts'
import { whyNoAccess } from '../../plane/sockets/unix-access.ts'
import { checkAuthFiles } from './auth-files.ts'
import { checkSources } from './backend-sources.ts'
import { isOurs, whyNotBindable, whyNotFree } from './bind-check.ts'
import { configTestFindings } from './config-tests.ts'
import { checkPluginsReady } from './plugin-check.ts'

/** The most names to look up, and the time for all of them. */
const MAX_NAMES = 200
const LOOKUPS_MS = 3_000

/**
 * Checks what a configuration refers to outside of itself: certificates, keys, CA files, the user, folders of sockets,
 * addresses, host names. It reports everything that would prevent a start, all at once, without listening anywhere.
 * What may be different by the time of the start is a warning.
 */
export async function checkOutside(config: Config): Promise<CertificateReport> {
  const { findings, lines } = checkCertificates(config, Date.now())
  return {
    findings: [
      ...findings,
      ...checkAccount(config),
      ...checkBinds(config),
      ...testFindings(config),
      ...checkLocalAddresses(config),
      ...checkLogFiles(config),
      ...checkAuthFiles(config),
      ...checkSources(config),
      ...checkAcmeFiles(config),
      ...(await checkHosts(config))
    ],
    lines
  }
}

/** Tests need plugins that are ready. */
function testFindings(config: Config): readonly Finding[] {
  const notReady = [...checkPluginsReady(config)]
  return notReady.length > 0 ? notReady : configTestFindings(config)
}

function* checkAccount({ user }: Config): Generator<Finding> {
  if (user === undefined) return
  try {
    checkUser(user)
  } catch (error) {
    const { message } = error as Error
    // `lb check` often runs as another user than lb.
    yield /exist|not supported/.test(message) ? errorAt(['user'], message) : warningAt(['user'], message)
  }
}

function* checkBinds(config: Config): Generator<Finding> {
  for (const [index, { binds, socket }] of config.listeners.entries()) {
    for (const [number, bind] of binds.entries()) yield* checkBind(bind, ['listeners', index, 'bind', number])
    const noAccess = socket && binds.some(({ kind }) => kind === 'unix') ? whyNoAccess(socket) : undefined
    if (noAccess !== undefined) yield errorAt(['listeners', index, 'socket'], noAccess)
  }
  for (const [number, bind] of (config.admin?.binds ?? []).entries())
    yield* checkBind(bind, ['admin', 'bind', number])
}

/** A virtual address may come to this machine later. */
function* checkLocalAddresses({ pools }: Config): Generator<Finding> {
  for (const { name, source } of Object.values(pools)) {
    if (source === undefined || isOurs(source)) continue
    yield warningAt(['pools', name, 'source'], `${source}: this machine has no such address`)
  }
}

/** Destinations of logs: a file that can be appended to, or a folder that it can be created in. */
function* checkLogFiles(config: Config): Generator<Finding> {
  for (const [index, listener] of config.listeners.entries()) {
    const { file } = listener.accessLog
    if (file === undefined) continue
    const there = statSync(file, { throwIfNoEntry: false })
    if (there?.isDirectory() === true) {
      yield errorAt(['listeners', index, 'accessLog', 'file'], `${file} is a folder; name a file in it`)
      continue
    }
    const place = there === undefined ? dirname(file) : file
    try {
      accessSync(place, constants.W_OK)
    } catch (error) {
      yield errorAt(
        ['listeners', index, 'accessLog', 'file'],
        `the log ${file} cannot be written: ${place}: ${systemReason(error)}; make the directory, or name another file`
      )
    }
  }
}

function* checkBind(bind: Bind, path: Path): Generator<Finding> {
  if (bind.kind === 'tcp') {
    const why = whyNotBindable(bind)
    if (why !== undefined) yield warningAt(path, `${bind.text}: ${why}`)
    return
  }
  // systemd has not passed anything to this process.
  if (bind.kind === 'systemd') return
  const there = statSync(bind.path, { throwIfNoEntry: false })
  if (there !== undefined && !there.isSocket()) {
    const what = there.isDirectory()
      ? 'a folder; name a file in it'
      : 'a file with that name, and it is not a socket'
    yield errorAt(path, `the socket ${bind.path} cannot be created: there is ${what}`)
    return
  }
  const taken = there === undefined ? undefined : whyNotFree(bind.path)
  if (taken !== undefined) yield warningAt(path, `${bind.path}: ${taken}`)
  const folder = dirname(bind.path)
  try {
    if (!statSync(folder).isDirectory())
      yield errorAt(path, `${folder} is not a directory; the socket ${bind.path} cannot be created there`)
    else accessSync(folder, constants.W_OK | constants.X_OK)
  } catch (error) {
    yield errorAt(
      path,
      `the socket ${bind.path} cannot be created: ${folder}: ${systemReason(error)}; make the directory, or name another`
    )
  }
}

async function checkHosts(config: Config): Promise<Finding[]> {
  const places = new Map<string, Path>()
  for (const { name, backends } of Object.values(config.pools)) {
    for (const [index, { address }] of backends.entries()) {
      if (address.kind !== 'tcp' || /^[\d.]+$|:/.test(address.host) || places.has(address.host)) continue
      if (places.size < MAX_NAMES) places.set(address.host, ['pools', name, 'backends', index])
    }
  }
  const late = new Promise<void>((resolve) => setTimeout(resolve, LOOKUPS_MS).unref())
  const looked = [...places].map(async ([host, path]): Promise<Finding | undefined> => {
    try {
      await Promise.race([lookup(host), late])
      return undefined
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      return warningAt(
        path,
        `the name ${host} cannot be looked up here (${code ?? 'no answer'}); is it spelt right?`
      )
    }
  })
  return (await Promise.all(looked)).filter((finding) => finding !== undefined)
}
