import { defaults } from '../defaults.ts'
import type { BackendConfig } from '../model/model.ts'
import type { BackendInput } from '../schema/pool/backend.ts'
import { buildAddress, type ResolvePath } from './paths.ts'

export function buildBackend(input: BackendInput, absolute: ResolvePath): BackendConfig {
  const given = 'kind' in input ? { address: input, backup: defaults.backend.backup } : input
  const address = buildAddress(given.address, absolute)
  const { name, weight, maxConnections } = 'kind' in input ? {} : input
  return {
    name: name ?? given.address.text,
    address,
    weight: weight ?? defaults.backend.weight,
    ...(maxConnections !== undefined && { maxConnections }),
    backup: given.backup
  }
}
