import { definePlugin, fieldName, listOf, mapping, text } from 'fourseven/plugin'

/** The first label of the host becomes a field that no client can forge; the tenant also decides which backend serves it. */
export default definePlugin({
  name: 'tenant',
  before: 'cache',
  words: 'Names the tenant to backends: the first label of the host.',
  keys: mapping({
    header: fieldName().prefault('X-Tenant').describe('Field that backends read.'),
    known: listOf(text('the name of a tenant')).describe('Tenants; others are answered 403.')
  }),

  compile({ keys, refuse }) {
    const known = new Set(keys.known)
    return {
      owns: [keys.header],

      request(exchange) {
        const tenant = exchange.host.split('.')[0]!
        if (!known.has(tenant))
          return refuse(exchange, { code: 'LB_FORBIDDEN', reason: `no tenant ${tenant}` })
        exchange.setRequestField(keys.header, tenant)
        exchange.hashKey = tenant
        exchange.addLogField('tenant', tenant)
        return undefined
      }
    }
  }
})
