import ts from 'typescript'

/**
 * Text must not choose the property of a plain object: `constructor` and `__proto__` are found on every one, and one request
 * that named them ended a worker. Reports `table[text]`, `text in table`, and a cast that makes text look like a key, where
 * the table has an index signature (`Record<string, …>`). Use a Map, `own(table, text)` or a `bareRecord()` (src/core/own.ts).
 * Where the text cannot come from outside, the line says why: `// eslint-disable-next-line lb/no-text-index -- why`.
 *
 * @type {import('eslint').Rule.RuleModule}
 */
export const noTextIndex = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      index:
        'A plain object is indexed by text: use a Map, own() or bareRecord(), or say why no name of Object.prototype can come here.',
      cast: 'A cast makes text look like a key: use a Map or own().',
      in: '`in` finds what an object inherits: use Object.hasOwn or a Map.'
    }
  },
  create(context) {
    const { sourceCode } = context
    const { program, esTreeNodeToTSNodeMap: nodes } = sourceCode.parserServices
    const checker = program.getTypeChecker()
    const typeOf = (node) => checker.getTypeAtLocation(nodes.get(node))
    const parts = (type) => (type.isUnion() ? type.types : [type])

    /** These have no prototype: it is their reason to exist. */
    const bare = new Set(['BareRecord', 'RawMap'])
    const isBare = (type) =>
      [type.symbol, type.aliasSymbol].some((symbol) => bare.has(symbol?.name)) ||
      (type.aliasTypeArguments ?? []).some((inner) => bare.has(inner.symbol?.name))
    const isTextTable = (type) =>
      parts(type).some(
        (part) => checker.getIndexTypeOfType(part, ts.IndexKind.String) !== undefined && !isBare(part)
      )
    const TEXT = ts.TypeFlags.String | ts.TypeFlags.TemplateLiteral | ts.TypeFlags.Any
    const isText = (type) => parts(type).some(({ flags }) => (flags & TEXT) !== 0)

    /** `Object.hasOwn(table, text) ? table[text] : …`, `&& table[text]`, or in an `if` of that. */
    const isAsked = ({ object, property }, node) => {
      const question = `Object.hasOwn(${sourceCode.getText(object)}, ${sourceCode.getText(property)})`
      for (let at = node; at.parent != null; at = at.parent) {
        const { parent } = at
        const asks =
          (parent.type === 'ConditionalExpression' || parent.type === 'IfStatement') &&
          at === parent.consequent
            ? parent.test
            : parent.type === 'LogicalExpression' && parent.operator === '&&' && at === parent.right
              ? parent.left
              : undefined
        if (asks !== undefined && sourceCode.getText(asks).includes(question)) return true
      }
      return false
    }

    return {
      MemberExpression(node) {
        const { property, object, computed } = node
        if (!computed || property.type === 'Literal') return
        if (property.type === 'TSAsExpression' && isText(typeOf(property.expression)))
          return context.report({ node, messageId: 'cast' })
        if (isText(typeOf(property)) && isTextTable(typeOf(object)) && !isAsked(node, node))
          context.report({ node, messageId: 'index' })
      },
      BinaryExpression({ operator, left, right }) {
        if (operator !== 'in' || left.type === 'Literal' || left.type === 'PrivateIdentifier') return
        if (isText(typeOf(left)) && !isBare(typeOf(right))) context.report({ node: left, messageId: 'in' })
      }
    }
  }
}
